// Ends the process at a moment, whatever else hangs: also the watchdog itself, whose report may be on a disk that does
// not answer. It says nothing and writes nothing, so there is nothing in it that could hang.
#pragma once

#include <memory>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// Threads: one. It has a thread of its own from the first `arm` on, which takes nobody's signals.
class backstop {
 public:
  backstop() noexcept = default;
  /// Disarms.
  ~backstop();
  backstop(const backstop&) = delete;
  backstop& operator=(const backstop&) = delete;

  /// The process exits with `code` at `when`, without any destructor or exit handler. The last call counts. Without
  /// memory or a thread for it nothing is armed.
  void arm(time_point when, int code) noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0
