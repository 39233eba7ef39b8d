// Accepts on one listener for as long as it is wanted, and closes it without losing a handshake. Which connection goes
// where is the server's business; how a listener is unplugged is the listener's.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "lastcall/core/function.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/settle_plan.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace lastcall::inline v0::net {

/// What became of a listener; in the report.
struct listener_end {
  std::string address;
  closing_way way = closing_way::plain;
  settle_end settled = settle_end::settled;
  bool known = false;  ///< false: closed before anything was settled, by force or because it was to be plain
  duration took = {};
  std::size_t given_up = 0;  ///< handshakes in flight when it was closed all the same
};

/// Threads: its loop's, but for `unplug`, which is for one other thread, before `settle`.
class acceptor final : public pollable, public timed {
 public:
  using taker = function<void(unique_fd, const endpoint&)>;

  acceptor(listener from, net::loop& on, logger log, std::string component, taker take, function<bool()> room);

  /// From here on it accepts, and pauses while there is no `room`.   Errors: those of epoll_ctl.   Threads: any, once.
  std::error_code begin() noexcept;
  /// No new handshake from here on; everything already begun is still accepted.
  void unplug(closing_way preferred, reuse_group group) noexcept { way_ = listener_.begin_close(preferred, group); }
  /// Goes on accepting until nothing is in flight or `drain_end`, then closes and calls `closed`.
  void settle(settle_options, time_point drain_end, function<void()> closed) noexcept;
  /// Closes now; `closed` of `settle` is called if it is still owed.
  void close() noexcept;

  bool open() const noexcept { return listener_.fd() >= 0; }
  const endpoint& local() const noexcept { return listener_.local(); }
  closing_way way() const noexcept { return way_; }
  /// Empty until it is closed.   Threads: any.
  const listener_end* end() const noexcept { return ended_.load(std::memory_order_acquire) ? &end_ : nullptr; }
  net::loop& loop() const noexcept { return loop_; }

  void on_ready(std::uint32_t) noexcept override { accept_some(64); }
  void on_due(time_point now) noexcept override;

 private:
  enum class outcome { more, empty, exhausted };

  outcome accept_some(int at_most) noexcept;
  void pause(std::string_view why) noexcept;
  void follow(settle_action) noexcept;

  listener listener_;
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
  std::atomic<bool> ended_{false};  // release: end_ does not change any more
  bool paused_ = false;
};

}  // namespace lastcall::inline v0::net
