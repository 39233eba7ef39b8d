// How a listener that takes no new handshake is closed without losing one in flight. Pure: events and time in, one
// action out; it reads no clock and no socket. What accepts in the meantime is the server's usual loop.
#pragma once

#include <chrono>
#include <cstddef>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net {

struct settle_options {
  duration floor = std::chrono::milliseconds(5);  ///< The least that is waited before and after the decisive look.
  duration cap = std::chrono::seconds(3);         ///< Then handshakes in flight are given up.
  duration cap_without_evidence = std::chrono::seconds(1);  ///< The same where the kernel doesn't let us look.
  int look_rarity = 10;                                     ///< Looks are at least so many times their cost apart.
};

/// Why the listener is closed; in the report.
enum class settle_end : unsigned char {
  settled,           ///< None was in flight: nothing is lost.
  without_evidence,  ///< We could not look and waited instead.
  capped,            ///< Some never finished in time (often a SYN flood or a scan).
  stuck              ///< Connections that were ready could not be accepted in time (no descriptors).
};

constexpr std::string_view to_text(settle_end end) noexcept {
  constexpr std::string_view names[] = {"settled", "without evidence", "capped", "stuck"};
  return names[static_cast<std::size_t>(end)];
}

struct settle_action {
  enum class kind : unsigned char {
    wait,    ///< Call `tick` at `until`; go on accepting.
    look,    ///< Count the handshakes in flight; then call `looked` or `could_not_look`.
    accept,  ///< Accept until the queue is empty; then call `accept_queue_empty` or `could_not_accept`.
    close    ///< Over, because of `end`.
  };
  kind what = kind::wait;
  time_point until{};
  settle_end end{};
  friend bool operator==(const settle_action&, const settle_action&) = default;
};

/// Each event returns what is to be done next. After `close`, everything returns `close` again.
class settle_plan {
 public:
  /// Nothing goes on beyond `drain_end`.
  settle_plan(settle_options options, time_point drain_end) noexcept;

  /// The listener was unplugged, steered away from or filtered: no new handshake begins. First event.
  settle_action unplugged(time_point now) noexcept;

  /// There is nothing to settle (Unix-domain), or it can't be kept from new handshakes. First event.
  settle_action not_unplugged(time_point now) noexcept;

  settle_action tick(time_point now) noexcept;
  settle_action looked(std::size_t in_flight, duration cost, time_point now) noexcept;
  settle_action could_not_look(time_point now) noexcept;
  settle_action accept_queue_empty(time_point now) noexcept;

  /// Out of descriptors or memory.
  settle_action could_not_accept(time_point now) noexcept;

  /// What the last look counted; what is lost if the end is `capped`.
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
