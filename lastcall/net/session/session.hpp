// A long-lived connection on which a handler reads and writes, with back-pressure in both directions. Knows no
// protocol: a protocol derives from it and turns bytes into what its handlers read.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/function.hpp"
#include "lastcall/net/connection/byte_queue.hpp"
#include "lastcall/net/connection/connection.hpp"
#include "lastcall/net/connection/write_queue.hpp"
#include "lastcall/net/session/session_limits.hpp"
#include "lastcall/net/session/session_link.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

class thread_pool;

/// Its state is upgraded from the constructor until its farewell.
/// Threads: its loop's only.
class session : public connection {
 public:
  /// The remote's FIN was received; `input()` may still hold bytes.
  bool input_over() const noexcept { return input_over_; }
  /// The handler has waited for the remote as long as it may; see expect_remote_by.
  bool remote_time_over() const noexcept { return remote_time_over_; }
  bool told() const noexcept { return told_; }

 protected:
  session(owning_set&, unique_fd, const endpoint& remote, connection_kind, const session_limits&);
  /// The replacement of `before`. `received`: what `before` has received and not used.
  session(connection& before, connection_kind, const session_limits&, std::string received);
  ~session() override;

  // A protocol is called:

  /// There is more in `input()`, or `input_over()` has become true.
  virtual void on_input() noexcept = 0;
  /// The drain has come to this session. What is complete is still delivered; then reads end.
  virtual void on_goodbye() noexcept {}
  /// The idle timeout has passed. Ends the session as timed out, unless its handler is at work instead of waiting.
  virtual void on_idle() noexcept;
  /// The handler has returned (null), or thrown.
  virtual void on_handler_over(std::exception_ptr) noexcept = 0;
  /// The write queue is empty again.
  virtual void on_sent() noexcept {}
  /// When `on_idle` is called if nothing happens; time_point::max(): never.
  virtual time_point idle_at() const noexcept;
  /// Whether a handler may continue its own work after the remote's time is over.
  virtual bool outlasts_remote() const noexcept { return handler_runs_ && !leaving_; }
  /// An override calls it.
  void on_end(connection_end) noexcept override;
  void on_readable() noexcept final;
  std::optional<time_point> works_since() const override { return begun_; }
  std::string work_waits_for() const override { return link_->life().waits_for(); }

  // A protocol calls:

  const std::shared_ptr<session_link>& link() const noexcept { return link_; }
  const session_limits& limits() const noexcept { return limits_; }
  /// What was received and not consumed.
  std::string_view input() const noexcept { return input_.view(); }
  void consume(std::size_t bytes) noexcept { input_.drop_front(bytes); }
  /// The kernel had nothing more at the last look.
  bool caught_up() const noexcept { return !readable_; }
  /// To be called after `consume`: reads on, unless the input is at its limit.
  void read_more() noexcept;

  /// Sends what the remote takes now, and queues the rest. Does not enforce the limit: ask `room()` first.
  void send(std::string_view bytes) noexcept;
  /// The write queue is below its limit.
  bool room() const noexcept { return unsent_.size() < limits_.output_bytes; }
  std::size_t unsent_bytes() const noexcept { return unsent_.size(); }
  /// When a byte passed last, in either direction; at first when it began.
  time_point last_byte() const noexcept { return last_byte_; }

  /// Starts a handler that is a coroutine. `on_handler_over` follows.
  void run(task<> handler);
  /// Starts it on a thread of the pool. False: no thread is free, and nothing was started.
  bool run_on(thread_pool&, function<void()> handler);
  /// It waits for the remote, or does not run.
  bool handler_waits() const noexcept { return !handler_runs_ || link_->waits(); }
  /// The handler tries again what it waits for.
  void wake_handler() noexcept { link_->wake(); }

  /// Farewell as soon as the write queue is empty.
  void leave_when_sent(connection_end as = connection_end::clean) noexcept;
  /// Gives the remote until `by` for what is left to it: to read what was written, to send what the handler waits for.
  void expect_remote_by(time_point by) noexcept;
  /// Sets the deadline to the nearest of the idle timeout, the write timeout and the end of the remote's time.
  void renew_deadline() noexcept;

 private:
  friend class session_link;  // it calls handler_begins_to_wait and handler_over

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
  byte_queue input_;
  write_queue unsent_;
  const time_point begun_ = loop_now();
  time_point last_byte_ = begun_;
  time_point progress_ = begun_;               // of sending, while the write queue is not empty
  time_point goodbye_by_ = time_point::max();  // the end of the remote's time; max: it is not running
  connection_end leave_as_ = connection_end::clean;
  bool input_over_ = false;
  bool readable_ = false;  // the kernel may have more: it announced bytes, and we have not seen would_block since
  bool handler_runs_ = false;
  bool told_ = false;
  bool remote_time_over_ = false;
  bool leaving_ = false;
};

}  // namespace lastcall::inline v0::net
