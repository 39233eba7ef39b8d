// Accepts on one listener until it is closed, and closes it without losing a handshake. Does not choose the loop of a
// connection (connection_server does), nor how new clients are kept away (listener does).
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "lastcall/core/function.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/settle_plan.hpp"
#include "lastcall/net/listen/sock_diag.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace lastcall::inline v0::net {

/// How a listener was closed; in the report.
struct listener_end {
  std::string address;
  closing_way way = closing_way::plain;
  settle_end settled = settle_end::settled;
  bool known = false;  ///< false: it was not settled, since it was forced or the way is `plain` or `leave`
  duration took = {};
  std::size_t given_up = 0;  ///< handshakes that were in flight when it was closed
  std::size_t reset = 0;     ///< clients that had connected, and were not accepted: the close has reset them
  std::string path_left;     ///< why the Unix-domain path could not be removed; empty: it was, or there is none
};

/// Threads: its loop's; `unplug` is called by one other thread, before `settle`.
class acceptor final : public pollable, public timed {
 public:
  using taker = function<void(unique_fd, const endpoint&)>;

  /// `take` gets each accepted socket. `room`: false while there are too many connections.
  acceptor(listener, net::loop&, logger, std::string component, taker take, function<bool()> room);

  /// Begins to accept. Pauses while there is no `room`.   Errors: those of epoll_ctl.   Threads: any, once.
  std::error_code begin() noexcept;
  /// No handshake begins from now on. Those that have begun are still accepted.
  void unplug(closing_way preferred) noexcept;
  /// Accepts until no handshake is in flight, at most until `drain_end`; then closes, and calls `closed`.
  void settle(settle_options, time_point drain_end, function<void()> closed) noexcept;
  /// Closes now. Calls `closed` of a `settle` that has not finished.
  void close() noexcept;

  bool open() const noexcept { return listener_.fd() >= 0; }
  const endpoint& local() const noexcept { return listener_.local(); }
  closing_way way() const noexcept { return way_; }
  /// Its socket is of the process before.
  bool taken() const noexcept;
  /// Empty until it is closed.   Threads: any.
  const listener_end* end() const noexcept { return ended_.load(std::memory_order_acquire) ? &end_ : nullptr; }
  net::loop& loop() const noexcept { return loop_; }

  void on_ready(std::uint32_t) noexcept override { accept_some(64); }
  void on_due(time_point now) noexcept override;

 private:
  enum class outcome { more, empty, exhausted };

  /// Answers processes that ask for the socket.
  struct door final : pollable, timed {
    explicit door(acceptor& a) : of(a) {}
    void on_ready(std::uint32_t) noexcept override;
    void on_due(time_point) noexcept override;

    acceptor& of;
    unique_fd fd;         // open: it is watched
    bool pauses = false;  // and that was said
  };

  outcome accept_some(int at_most) noexcept;
  void pause(std::string_view why) noexcept;
  outcome lost(const std::error_code& why) noexcept;
  void answer_no_more() noexcept;
  void reserve() noexcept;
  void follow(settle_action) noexcept;

  listener listener_;
  door door_{*this};
  sock_diag kernel_;  // opened now, since there may be no descriptor when it is needed
  unique_fd spare_;   // the descriptor for a client that has connected when there is no other
  net::loop& loop_;
  logger log_;
  std::string component_;
  taker take_;
  log_limit limit_{1};
  closing_way way_ = closing_way::plain;
  std::optional<settle_plan> plan_;
  function<void()> closed_;
  function<bool()> room_;
  listener_end end_;
  std::atomic<bool> ended_{false};  // stored with release when end_ is complete; `end` acquires it
  bool paused_ = false;             // the listener is watched for nothing until on_due
};

}  // namespace lastcall::inline v0::net
