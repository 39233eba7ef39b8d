// A long-lived connection on which a handler converses: what came waits for the handler, the handler waits for what
// comes, what the remote does not take yet is bounded. Knows no protocol: one derives from it, and makes of bytes what
// its handlers read.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/net/connection/connection.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

class session;
class thread_pool;

struct session_limits {
  /// Of what came and was not read: then the remote is slowed down.
  std::size_t input_bytes = 64 * 1024;
  /// Of what was written and not sent: then writers wait.
  std::size_t output_bytes = 64 * 1024;
  /// Without a byte in either direction; zero: no bound.
  duration idle_time = std::chrono::minutes(10);
  /// Without progress while bytes wait for the remote: it reads on as long as its kernel acknowledges some of them.
  duration write_time = std::chrono::seconds(30);
  /// Once told of a drain: how long the handler may wait for the remote. Its own work is bounded by the drain end
  /// alone: if it outlasts this time, the remote has it anew when the handler waits again; and so has a remote that
  /// makes progress in reading what was written.
  duration goodbye_time = std::chrono::seconds(3);
};

/// Which of a handler's two waits: it may read in one coroutine and write in another.
enum class handler_side : unsigned char { reading, writing };

/// What a session and its handler share; either may be gone first.
/// Threads: the loop's only, but for `life`, `remote` and what ends in `_blocking`, which are for any other.
class session_link : public std::enable_shared_from_this<session_link> {
 public:
  session_link(session& of, net::loop& on, const endpoint& remote) noexcept : host_(&of), loop_(on), remote_(remote) {}

  /// Null once the connection has ended.
  session* host() const noexcept { return host_; }
  /// Draining once told so (in the session's own moment of the jitter window), forced when the connection has ended.
  const context& life() const noexcept { return life_; }
  const endpoint& remote() const noexcept { return remote_; }
  /// Before the handler begins.
  void remote_is(const endpoint& who) { remote_ = who; }

  /// Tries `step` now and whenever the remote does something, until it is true. One at a time on each side.
  task<> until(function<bool()> step, handler_side = handler_side::reading);
  /// The same for a handler that blocks a thread. False: the loop is gone.   Blocks: as long; the session's limits
  /// bound it.
  bool until_blocking(const function<bool()>& step, handler_side = handler_side::reading);
  /// On the loop's thread, soon, with the host or not at all.   Threads: any.
  void post(function<void(session&)> f);
  /// The same, whether the host is there by then or not. False: it is gone already, and so may be its loop.
  /// Threads: any.
  bool post_to_loop(function<void()> f);
  /// The connection is still there, and this is its loop's thread.   Threads: any.
  bool is_here() noexcept;
  /// Its identity only, for who keeps something for each.   Threads: any.
  const net::loop& loop() const noexcept { return loop_; }

 private:
  friend class session;
  class blocked_step;

  void begin_wait(handler_side) noexcept;
  void end_wait(handler_side of) noexcept { waits_[static_cast<std::size_t>(of)] = false; }
  void wake() noexcept;
  void let_go(cause why) noexcept;

  std::mutex mutex_;  // guards host_ for other threads; while it is there, so is the loop
  session* host_;
  net::loop& loop_;
  endpoint remote_;
  context_source end_;
  const context life_ = end_.get();
  function<void()>& waiter(handler_side of) noexcept { return waiters_[static_cast<std::size_t>(of)]; }
  function<void()> waiters_[2];
  bool waits_[2] = {};  // its step was tried in vain; one that is woken waits until it has been tried again
};

/// Threads: its loop's only.
class session : public connection {
 public:
  /// Asks the remote, in the words of its protocol, to come to an end. As if the drain had told it, for one session.
  void say_goodbye() noexcept;

  /// Nothing more will come: the remote's end was received.
  bool input_over() const noexcept { return input_over_; }
  /// The handler has waited for the remote for as long as it may; see expect_remote_by.
  bool remote_time_over() const noexcept { return remote_time_over_; }
  bool told() const noexcept { return told_; }

 protected:
  session(owning_set&, unique_fd, const endpoint& remote, connection_kind, const session_limits&);
  /// The replacement of `before`, with what that one has received and not used.
  session(connection& before, connection_kind, const session_limits&, std::string received);
  ~session() override;

  // The protocol is told:

  /// There is more in `input()`, or `input_over()`.
  virtual void on_input() noexcept = 0;
  /// The drain has come to this session: what is whole is still delivered, then reads end.
  virtual void on_goodbye() noexcept {}
  /// No byte for limits.idle_time. Ends it as timed out, unless its handler is at work rather than waiting.
  virtual void on_idle() noexcept;
  /// The handler has returned, or thrown.
  virtual void on_handler_over(std::exception_ptr) noexcept = 0;
  /// Everything written has been sent.
  virtual void on_sent() noexcept {}

  // The protocol does:

  const std::shared_ptr<session_link>& link() const noexcept { return link_; }
  /// What came and was not consumed.
  std::string_view input() const noexcept { return std::string_view(input_).substr(input_from_); }
  void consume(std::size_t bytes) noexcept;
  /// The last look found nothing more to read.
  bool caught_up() const noexcept { return !readable_; }
  /// Reads on after a consume, unless there is enough.
  void read_more() noexcept;

  /// Sends as much as the remote takes, and keeps the rest. Nothing is too much here: ask `room()` first.
  void send(std::string_view bytes) noexcept;
  bool room() const noexcept { return waiting() < limits_.output_bytes; }
  std::size_t waiting() const noexcept { return unsent_.size() - unsent_from_; }

  /// Runs a handler that is a coroutine; `on_handler_over` follows.
  void run(task<> handler);
  /// The same on a thread of the pool. False: it has none.
  bool run_on(thread_pool&, function<void()> handler);
  bool handler_runs() const noexcept { return handler_runs_; }
  /// For the remote, or it has ended.
  bool handler_waits() const noexcept { return !handler_runs_ || link_->waits_[0] || link_->waits_[1]; }
  /// The handler tries its step again.
  void wake_handler() noexcept { link_->wake(); }

  /// Once all is sent: FIN, and reading on until the remote's end.
  void leave_when_sent(connection_end as = connection_end::clean) noexcept;
  /// Bounds the session anew: by its idle time, by progress in sending, by the end of the goodbye.
  void settle() noexcept;
  /// When `on_idle` is called if nothing happens; time_point::max(): never.
  virtual time_point idle_at() const noexcept;
  /// The remote has until then for what is left, and so has a handler that waits for it; anew after a goodbye.
  void expect_remote_by(time_point) noexcept;
  const session_limits& limits() const noexcept { return limits_; }

  /// The remote has had its time: whether its handler may go on nevertheless.
  virtual bool outlasts_remote() const noexcept { return handler_runs_ && !leaving_; }

  std::optional<time_point> works_since() const override { return begun_; }
  /// One that overrides it calls it.
  void on_end(connection_end) noexcept override;

 protected:
  void on_readable() noexcept final;

 private:
  friend class session_link;

  void on_writable() noexcept final;
  void on_told() noexcept final;
  void on_timeout() noexcept final;
  void handler_over(std::exception_ptr) noexcept;
  void handler_begins_to_wait() noexcept;
  void all_sent() noexcept;
  void look_for_progress() noexcept;
  void note_progress() noexcept;

  const session_limits& limits_;
  const std::shared_ptr<session_link> link_;
  std::string input_;
  std::size_t input_from_ = 0;
  std::string unsent_;
  std::size_t unsent_from_ = 0;
  time_point begun_;
  time_point last_byte_;
  time_point progress_;                        // in sending, while something waits
  std::size_t unacknowledged_ = 0;             // at the last look, and when somebody's time began
  time_point goodbye_by_ = time_point::max();  // also once told: while the handler works for longer than that
  connection_end leave_as_ = connection_end::clean;
  bool input_over_ = false;
  bool readable_ = false;  // an edge came while there was enough
  bool handler_runs_ = false;
  bool told_ = false;
  bool remote_time_over_ = false;
  bool leaving_ = false;
};

}  // namespace lastcall::inline v0::net
