// What one more signal means: pure, so that the rule of the second and third Ctrl-C takes no Ctrl-C to test.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

enum class signal_action : unsigned char {
  begin,     ///< the first: shut down gracefully
  merge,     ///< the same request again: Ctrl-C reaches a whole process group, wrappers repeat it
  force,     ///< the second request: cut what is left
  exit_now,  ///< the third and every later one: leave with 128 + its number, without locks or allocation
};

/// Counts requests. Which signal it was does not matter: SIGTERM after SIGINT is the second request, too.
/// Threads: one; it is the signal thread's.
class signal_policy {
 public:
  /// Signals that come no later than this after the last one that counted are the same request.
  static constexpr duration same_request = std::chrono::milliseconds(500);

  signal_action take(time_point at) noexcept {
    // Records of several threads may arrive out of order: one from before the last that counted merges, too.
    if (last_counted_ && at - *last_counted_ <= same_request) return signal_action::merge;
    last_counted_ = at;
    if (requests_ < 3) ++requests_;
    return requests_ == 1 ? signal_action::begin : requests_ == 2 ? signal_action::force : signal_action::exit_now;
  }

 private:
  std::optional<time_point> last_counted_;
  int requests_ = 0;
};

}  // namespace lastcall::inline v0
