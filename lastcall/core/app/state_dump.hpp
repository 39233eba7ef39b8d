// Writes to standard error how everything stands, when a SIGQUIT has asked for it: components, their work, threads.
#pragma once

#include <atomic>
#include <memory>

#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"

namespace lastcall::inline v0 {

/// Threads: the driver. It writes the states of the components itself; the rest is written on a thread for verbs, since
/// asking the components may block.
class state_dump {
 public:
  explicit state_dump(std::shared_ptr<shutdown_requests> requests) : requests_(std::move(requests)) {}

  /// Does nothing while the dump before is under way, so a component that hangs in its answer is asked only once.
  void write_if_requested(lifecycle& life);

 private:
  std::shared_ptr<shutdown_requests> requests_;
  std::shared_ptr<std::atomic<bool>> under_way_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace lastcall::inline v0
