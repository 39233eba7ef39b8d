// The event loop of one thread: an io_context for timers and for what handlers await, and in it one edge-triggered
// epoll set for connections, so that accept, read and write need no Asio operation. Starts no thread (runtime does).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/late_wake.hpp"
#include "lastcall/net/loop/timer_wheel.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace boost::asio {
class any_io_executor;
class io_context;
}  // namespace boost::asio

namespace lastcall::inline v0::net {

class kept_context;

/// What a loop watches. on_ready is called on the loop's thread.
class pollable {
 public:
  virtual ~pollable() = default;
  virtual void on_ready(std::uint32_t epoll_events) noexcept = 0;
};

/// A timer of a loop. on_due is called on the loop's thread, and the timer is no longer armed then.
class timed : public timer_node {
 public:
  virtual void on_due(time_point now) noexcept = 0;

 protected:
  ~timed() = default;
};

/// Gets one call when all on_ready of a batch have returned; see loop::after_batch.
class batch_end {
 public:
  virtual void after_batch() noexcept = 0;

 protected:
  ~batch_end() = default;
};

/// A batch is the set of events that one epoll_wait returned: on_ready is called for each, one after the other.
/// Threads: the loop's only, except `post`, `executor` and `is_here`. The loop's thread is the one that runs the
/// io_context. A `shared` loop takes no thread for granted: a strand makes whichever runs it the loop's thread for as
/// long as that takes.
class loop {
 public:
  /// The io_context must outlive the loop. Nothing happens until it is run. Not `shared`: one thread may run it.
  explicit loop(boost::asio::io_context& io, bool shared = false);
  /// Its executors keep the io_context.
  explicit loop(std::shared_ptr<kept_context> io);
  ~loop();
  loop& operator=(loop&&) = delete;

  /// Begins to call on_ready. Errors: std::system_error.
  void open();
  /// Stops calling on_ready and on_due. Does not close the descriptors that are watched.
  void close() noexcept;
  /// Calls `f` as soon as the io_context does not refer to this loop any more, perhaps at once. To be called after
  /// `close`, behind all that was posted.
  void when_released(function<void()> f) noexcept;

  /// Runs `f` on the loop's thread, soon. Posts of one thread run in their order.   Threads: any.
  void post(function<void()> f);

  /// `events` are epoll's, EPOLLET included if it is wanted. Errors: those of epoll_ctl.
  std::error_code watch(int fd, pollable& target, std::uint32_t events) noexcept;
  /// Changes target and events of a descriptor that is watched. What is ready at this moment is announced again.
  void rewatch(int fd, pollable& target, std::uint32_t events) noexcept;
  void forget(int fd) noexcept;

  /// Calls `node.on_due` at `when`, or up to one tick of the wheel (4 ms) later. Replaces an earlier schedule of it.
  void schedule(timed& node, time_point when);

  /// The clock as it was last read, usually when this batch began: exact enough for timeouts, and free.
  time_point now() const noexcept { return now_; }
  /// Reads the clock. For code that runs outside of a batch (posted work, handlers), or after long work.
  time_point refresh_now() noexcept {
    clock_was_read_ = true;
    return now_ = steady().now();
  }

  /// Frees `dead` when the present batch is over: until then an event of the batch may point to it, and functions of it
  /// may be running.
  void free_after_batch(std::unique_ptr<pollable> dead);

  /// A call of on_ready or after_batch is under way.
  bool in_batch() const noexcept { return in_batch_; }
  /// Calls `what.after_batch` once, at the end of the present batch. To be called in a batch only.
  /// Errors: std::bad_alloc.
  void after_batch(batch_end& what) { after_batch_.push_back(&what); }

  /// For handlers that are coroutines; their code then runs on the loop's thread.
  boost::asio::any_io_executor executor() const noexcept;
  /// The calling thread is the loop's.
  bool is_here() const noexcept;

 private:
  struct asio_part;

  void wait_for_readiness();
  void wait_ended(unsigned ended = 1) noexcept;
  void run_batch() noexcept;
  void arm_timer(time_point when);
  void run_timers() noexcept;

  boost::asio::io_context& io_;
  unique_fd epoll_;
  std::unique_ptr<asio_part> asio_;
  timer_wheel wheel_;
  time_point armed_for_ = time_point::max();
  late_wakes late_;
  time_point now_;
  std::vector<std::unique_ptr<pollable>> dead_;
  std::atomic<bool> posted_{false};      // since the last wake; then the batches end early, and it runs
  std::vector<batch_end*> after_batch_;  // of the present batch
  unsigned waits_ = 0;                   // those that the io_context has not completed
  function<void()> released_;            // to be called when there is none
  bool closed_ = false;
  bool in_batch_ = false;
  bool clock_was_read_ = false;  // since epoll_wait
};

}  // namespace lastcall::inline v0::net
