// How a handler waits until an event of the loop lets it continue: a coroutine is suspended, a thread blocks. Knows no
// connection. What wakes it has a waiter for each wait: a function that continues it, empty while nothing waits.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "lastcall/core/function.hpp"
#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::net {

/// Continues the coroutine that awaits it when the loop has done what else is ready.
task<> let_others_run();

/// The steps of one handler on its streams. Where no step has to wait, since the remote is as fast as the handler or
/// has gone, the handler would keep its loop: so others run after some steps. Not after each, since a loop that ends
/// drops what waits.
class handler_steps {
 public:
  /// Another step was done at once. True: now let others run.
  bool many() noexcept {
    if (++in_a_row_ < 64) return false;
    in_a_row_ = 0;
    return true;
  }
  /// The loop did other things meanwhile.
  void waited() noexcept { in_a_row_ = 0; }
  /// Nothing could be sent. True: the handler minds no answer, and would hold its thread, or the end of its loop, for
  /// ever: end it by an exception.
  bool refused_for_ever() noexcept { return ++refused_ > 10'000; }

 private:
  unsigned in_a_row_ = 0, refused_ = 0;
};

/// Suspends the coroutine that awaits the result, until `waiter` is called.   Threads: the loop's.
inline auto suspended(function<void()>& waiter) {
  return boost::asio::async_initiate<const boost::asio::deferred_t&, void()>(
      [&waiter](auto handler) { waiter = std::move(handler); }, boost::asio::deferred);
}

/// One step that a blocked thread waits for, as it lives on the loop: first in its queue, then as a waiter, and in the
/// queue again each time that it is woken. Its destructor releases the thread, so that the thread is released also when
/// a loop that ends drops its queue.
class parked_step {
 public:
  /// Tries the step. Null: it is done. Otherwise the waiter in which it waits to be tried again.
  using attempt = function<function<void()>*()>;

  /// Gives the step to `post`, which posts it to the loop or drops it and returns false; so does this then.
  /// Blocks: until the step is done or dropped. There is no limit here, since those of the connection end every wait.
  template <class Post> static bool wait_for(const attempt& tries, Post post) {
    const auto over = std::make_shared<countdown>(1);
    const bool posted = post(parked_step(tries, over));
    while (!over->wait_until(steady().now() + std::chrono::hours(1))) {}
    return posted;
  }

  parked_step(parked_step&&) noexcept = default;
  parked_step& operator=(parked_step&&) = delete;
  ~parked_step() {
    if (over_) over_->count_down();
  }

  void operator()() {
    if (function<void()>* const waiter = (*tries_)()) *waiter = std::move(*this);
  }

 private:
  parked_step(const attempt& tries, std::shared_ptr<countdown> over) noexcept
      : tries_(&tries), over_(std::move(over)) {}

  const attempt* tries_;             // on the stack of the thread that waits
  std::shared_ptr<countdown> over_;  // null: moved from
};

}  // namespace lastcall::inline v0::net
