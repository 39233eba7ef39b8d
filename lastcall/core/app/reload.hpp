// Calls the program's reload hooks when a SIGHUP has asked for it, beside everything else.
#pragma once

#include <functional>
#include <memory>

#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// Threads: the driver; `under_way` any. The hooks run on a thread for verbs, one call at a time.
class reload {
 public:
  reload(logger log, std::shared_ptr<shutdown_requests> requests);

  /// Before the start only.
  void add(std::function<void()> hook);
  /// Begins one call of all hooks if a reload was requested and none is under way. Wakes the driver when it is over.
  /// True: it has begun.
  bool begin_if_requested(lifecycle& life);
  bool under_way() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;  // shared with the hooks' thread: a hook that hangs may outlive the app
};

}  // namespace lastcall::inline v0
