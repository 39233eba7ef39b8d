// Threads: the loop's thread writes host_ under the mutex and reads it without. Another thread reads host_ under the
// mutex and posts to the loop before it lets the mutex go: the session, and so its loop, cannot go in between.
#include "lastcall/net/session/session_link.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "lastcall/core/countdown.hpp"
#include "lastcall/net/session/session.hpp"

namespace lastcall::inline v0::net {

namespace {

/// Suspends the coroutine until `waiter` is called.
auto suspended_until_called(function<void()>& waiter) {
  return boost::asio::async_initiate<const boost::asio::deferred_t&, void()>(
      [&waiter](auto handler) { waiter = std::move(handler); }, boost::asio::deferred);
}

}  // namespace

/// One call of until_blocking, as it lives on the loop: first in its queue, then as a waiter, and in the queue again
/// each time that the session wakes it. The destructor of the last copy releases the thread, so that it is released
/// also when the loop drops its queue.
class session_link::blocked_step {
 public:
  blocked_step(std::shared_ptr<session_link> link, const function<bool()>& step, handler_side side,
               std::shared_ptr<countdown> over)
      : link_(std::move(link)), step_(&step), side_(side), over_(std::move(over)) {}
  blocked_step(blocked_step&&) noexcept = default;
  blocked_step& operator=(blocked_step&&) = delete;
  ~blocked_step() {
    if (over_) over_->count_down();
  }

  void operator()() {
    session_link& link = *link_;
    if ((*step_)()) return link.end_wait(side_);
    link.begin_wait(side_);
    link.waiter(side_) = std::move(*this);
  }

 private:
  std::shared_ptr<session_link> link_;
  const function<bool()>* step_;  // on the stack of the thread that waits
  handler_side side_;
  std::shared_ptr<countdown> over_;  // null: moved from
};

task<> session_link::until(function<bool()> step, handler_side side) {
  const auto self = shared_from_this();  // the session may end meanwhile
  while (!step()) {
    self->begin_wait(side);
    co_await suspended_until_called(self->waiter(side));
  }
  self->end_wait(side);
}

bool session_link::until_blocking(const function<bool()>& step, handler_side side) {
  const auto over = std::make_shared<countdown>(1);
  {
    const std::lock_guard lock(mutex_);
    if (!host_) return false;
    loop_.post(blocked_step(shared_from_this(), step, side, over));
  }
  while (!over->wait_until(steady().now() + std::chrono::hours(1))) {  // the limits of the session end it
  }
  return true;
}

void session_link::post(function<void(session&)> f) {
  const std::lock_guard lock(mutex_);
  if (!host_) return;
  loop_.post([self = shared_from_this(), f = std::move(f)] {
    if (self->host_) f(*self->host_);
  });
}

bool session_link::post_to_loop(function<void()> f) {
  const std::lock_guard lock(mutex_);
  if (!host_) return false;
  loop_.post(std::move(f));
  return true;
}

bool session_link::is_here() noexcept {
  const std::lock_guard lock(mutex_);
  return host_ && loop_.io().get_executor().running_in_this_thread();
}

void session_link::begin_wait(handler_side side) noexcept {
  waits_[static_cast<std::size_t>(side)] = true;
  if (host_) host_->handler_begins_to_wait();
}

/// Posts instead of calling: the session is often in the middle of something, and the handler may end it.
void session_link::wake() noexcept {
  for (function<void()>& each : waiters_)
    if (each) loop_.post(std::exchange(each, nullptr));
}

void session_link::session_ended(cause why) noexcept {
  {
    const std::lock_guard lock(mutex_);
    host_ = nullptr;
  }
  life_source_.force(why);
  wake();
}

}  // namespace lastcall::inline v0::net
