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

/// How often a stream has given nothing to its handler. One that goes on for ever must not hold up the loop, so it lets
/// others run once there were many. Not at once, since a loop that ends drops what waits.
class refusals {
 public:
  bool too_many() noexcept { return ++count_ > 100; }
  /// It minds no answer, so it is ended by an exception: it would hold its thread, or the end of its loop, for ever.
  bool endless() const noexcept { return count_ > 10'000; }

 private:
  std::uint64_t count_ = 0;
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
