// Ends the process at a given time, even if the watchdog itself hangs: it may write its report to a disk that does not
// answer. The backstop writes no file, so it can't hang.
#pragma once

#include <memory>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// Threads: one. The first `arm` starts a thread, which blocks signals.
class backstop {
 public:
  backstop() noexcept = default;
  /// Disarms.
  ~backstop();
  backstop& operator=(backstop&&) = delete;

  /// The process exits with `code` at `when`, without destructors and exit handlers, after `last_words` to standard
  /// error, which outlive this. Only the last call counts. If no memory or no thread is left, it has no effect.
  void arm(time_point when, int code, std::string_view last_words = {}) noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0
