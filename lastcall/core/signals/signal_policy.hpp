// What the first, second and third signal mean. Pure, so that tests need no signals.
#pragma once

#include <optional>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

enum class signal_action : unsigned char {
  begin,     ///< the first: shut down gracefully
  merge,     ///< a repetition: Ctrl-C goes to a whole process group, and wrappers send it once more
  force,     ///< the second request: cut what is left
  exit_now,  ///< the third and every later one: exit with 128 + its number, without locks or allocation
};

/// Counts requests. The number of the signal does not matter: SIGTERM after SIGINT is the second request.
/// Threads: one, the signal thread.
class signal_policy {
 public:
  /// Signals within this time after the last one that counted belong to the same request.
  static constexpr duration same_request = std::chrono::milliseconds(500);

  /// `may_force`: it counts as a second and a third request, too. SIGHUP does not: it comes along with others.
  signal_action take(time_point at, bool may_force = true) noexcept {
    if (!may_force && requests_ > 0) return signal_action::merge;
    // Records may arrive out of order. A record from before the last one that counted merges too.
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
