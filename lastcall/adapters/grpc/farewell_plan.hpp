// When a gRPC server that has said its GOAWAY can be shut down. Pure: what is seen and the time in, one action out.
#pragma once

#include <algorithm>
#include <cstddef>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::grpc::detail {

struct farewell_action {
  enum class kind : unsigned char {
    wait,   ///< look again at `until`, or when the last call is over
    gone,   ///< nothing is left: shut down
    quiet,  ///< only connections without calls, which do not go: cut them
    late    ///< the drain end
  };
  kind what = kind::wait;
  time_point until{};
  friend bool operator==(const farewell_action&, const farewell_action&) = default;
};

class farewell_plan {
 public:
  farewell_plan(duration goodbye_time, time_point drain_end) noexcept
      : goodbye_time_(goodbye_time), drain_end_(drain_end) {}

  /// `quiet`: for so long no connection got or sent anything. It need not be known: duration::max().
  farewell_action looked(std::size_t calls, std::size_t connections, duration quiet, time_point now) noexcept {
    if (calls == 0 && connections == 0) return {.what = farewell_action::kind::gone};
    if (now >= drain_end_) return {.what = farewell_action::kind::late};
    if (calls > 0) {
      without_calls_ = false;
      return wait(now + with_calls);
    }
    if (!without_calls_) {
      without_calls_ = true;
      since_ = now;
      pause_ = shortest;
    }
    quiet = std::min(quiet, now - since_);
    if (quiet >= goodbye_time_) return {.what = farewell_action::kind::quiet};
    const time_point next = now + std::min(pause_, goodbye_time_ - quiet);
    pause_ = std::min(pause_ * 2, longest);  // the kernel does not tell when a connection of others goes
    return wait(next);
  }

 private:
  // GOAWAY is said again at each look: to connections whose handshake (TLS) has ended since.
  static constexpr duration with_calls = std::chrono::milliseconds(250);
  static constexpr duration shortest = std::chrono::milliseconds(2);
  static constexpr duration longest = std::chrono::milliseconds(50);

  farewell_action wait(time_point until) const noexcept { return {.until = std::min(until, drain_end_)}; }

  const duration goodbye_time_;
  const time_point drain_end_;
  bool without_calls_ = false;
  time_point since_{};
  duration pause_ = shortest;
};

}  // namespace lastcall::inline v0::grpc::detail
