// One thread's event loop: an io_context for timers and whatever handlers await, and inside it one edge-triggered epoll
// set for connections, so that accept, read and write touch no Asio operation. It starts no thread (runtime does).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/net/loop/timer_wheel.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace boost::asio {
class io_context;
}

namespace lastcall::inline v0::net {

/// What a loop watches. Told of readiness on the loop's thread; must not throw.
class pollable {
 public:
  virtual ~pollable() = default;
  virtual void on_ready(std::uint32_t epoll_events) noexcept = 0;
};

/// A `timer_node` that knows what to do when it is due.
class timed : public timer_node {
 public:
  virtual void on_due(time_point now) noexcept = 0;

 protected:
  ~timed() = default;
};

/// Something to do once those of a batch have been told.
class batch_end {
 public:
  virtual void after_batch() noexcept = 0;

 protected:
  ~batch_end() = default;
};

/// Threads: the loop's only, but for `post` and `io`. That thread is whichever runs the io_context; there must be one
/// only.
class loop {
 public:
  /// The io_context must outlive the loop, and nothing of the loop runs unless somebody runs it.
  explicit loop(boost::asio::io_context& io);
  ~loop();
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  /// Errors: std::system_error. From here on readiness is delivered.
  void open();
  /// Stops delivering. What is watched is forgotten, not closed.
  void close() noexcept;

  /// Runs `f` on the loop's thread, soon, in the order of the posts of one thread.   Threads: any.
  void post(function<void()> f);

  /// `events` are epoll's; EPOLLET is the caller's to add. Errors: std::error_code of epoll_ctl.
  std::error_code watch(int fd, pollable& target, std::uint32_t events) noexcept;
  void rewatch(int fd, pollable& target, std::uint32_t events) noexcept;
  void forget(int fd) noexcept;

  /// Calls `node.on_due` at `when` or up to one tick of the wheel later. An earlier schedule of the node is replaced.
  void schedule(timed& node, time_point when);
  static void cancel(timed& node) noexcept { node.timer_node::cancel(); }

  /// The time at which this batch of events began: exact enough for timeouts, and free.
  time_point now() const noexcept { return now_; }
  /// Looks at the clock again: for what runs outside of a batch (posted work, handlers).
  time_point refresh_now() noexcept {
    looked_ = true;
    return now_ = steady().now();
  }

  /// Frees `dead` only after the present batch, since an event of it may still be waiting there.
  void free_after_batch(std::unique_ptr<pollable> dead);

  /// Somebody is being told of readiness.
  bool in_batch() const noexcept { return in_batch_; }
  /// Calls it when all of the present batch have been told. Only in a batch; for each batch anew. May throw
  /// std::bad_alloc.
  void after_batch(batch_end& what) { after_batch_.push_back(&what); }

  boost::asio::io_context& io() noexcept { return io_; }

 private:
  struct asio_part;

  void wait_for_readiness();
  void run_batch() noexcept;
  void arm_timer(time_point when);
  void run_timers() noexcept;

  boost::asio::io_context& io_;
  unique_fd epoll_;
  std::unique_ptr<asio_part> asio_;
  timer_wheel wheel_;
  time_point armed_for_ = time_point::max();
  time_point now_;
  std::vector<std::unique_ptr<pollable>> dead_;
  std::atomic<bool> posted_{false};      // since the last wake: it is not kept waiting
  std::vector<batch_end*> after_batch_;  // of the present batch
  bool in_batch_ = false;
  bool looked_ = false;  // at the clock, since epoll_wait
};

}  // namespace lastcall::inline v0::net
