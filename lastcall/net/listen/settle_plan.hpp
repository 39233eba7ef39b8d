// When a listener that takes no new handshake can be closed without losing one in flight. Pure: events and time in, one
// action out; reads no clock and no socket. The server goes on accepting meanwhile.
#pragma once

#include <cstddef>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/settle_options.hpp"

namespace lastcall::inline v0::net {

struct settle_action {
  enum class kind : unsigned char {
    wait,    ///< Go on accepting, and call `tick` at `until`.
    look,    ///< Count the handshakes in flight; then call `looked` or `could_not_look`.
    accept,  ///< Accept until the queue is empty; then call `accept_queue_empty` or `could_not_accept`.
    close    ///< Close now; `end` says why.
  };
  kind what = kind::wait;
  time_point until{};
  settle_end end{};
  friend bool operator==(const settle_action&, const settle_action&) = default;
};

/// Each event returns the next action. After `close` each event returns `close` again.
class settle_plan {
 public:
  /// It closes no later than at `drain_end`.
  settle_plan(settle_options options, time_point drain_end) noexcept;

  /// First event: new clients are kept away in this way, or there are no handshakes (Unix-domain).
  settle_action begun(closing_way, time_point now) noexcept;
  settle_action tick(time_point now) noexcept;
  settle_action looked(std::size_t in_flight, duration cost, time_point now) noexcept;
  settle_action could_not_look(time_point now) noexcept;
  settle_action accept_queue_empty(time_point now) noexcept;

  /// Out of descriptors or memory.
  settle_action could_not_accept(time_point now) noexcept;

  /// What the last look counted. These are lost if the end is `capped`.
  std::size_t in_flight() const noexcept { return in_flight_; }
  duration took(time_point now) const noexcept { return now - begin_; }

 private:
  enum class stage : unsigned char { waiting, looking, confirming, waiting_blindly, accepting, closed };

  settle_action wait(time_point until) noexcept;
  settle_action accept(settle_end why) noexcept;
  settle_action close() noexcept;

  settle_options options_;
  time_point drain_end_;
  time_point begin_{};
  time_point cap_{};
  time_point next_{};
  stage stage_ = stage::waiting;
  settle_end end_ = settle_end::settled;
  std::size_t in_flight_ = 0;
};

}  // namespace lastcall::inline v0::net
