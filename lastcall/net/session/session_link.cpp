// Threads: the loop's thread writes host_ under the mutex and reads it without. Another thread reads host_ under the
// mutex and posts to the loop before it lets the mutex go: the session, and so its loop, cannot go in between.
#include "lastcall/net/session/session_link.hpp"

#include <stdexcept>

#include "lastcall/net/loop/parked_step.hpp"
#include "lastcall/net/session/session.hpp"

namespace lastcall::inline v0::net {

namespace {

/// A second waiter would take the place of the first, which then would never continue.
[[noreturn]] void refuse_second() {
  throw std::logic_error("somebody waits here already; read and write one at a time");
}

}  // namespace

task<> session_link::until(function<bool()> step, handler_side side) {
  if (host_ && !loop_.is_here())
    throw std::logic_error("a connection is used outside of its loop's thread; on another thread use what blocks");
  while (!step()) {
    if (waiter(side)) refuse_second();
    begin_wait(side);
    co_await suspended(waiter(side));
    steps_.waited();
  }
  end_wait(side);
  if (steps_.many()) co_await let_others_run();
}

bool session_link::until_blocking(const function<bool()>& step, handler_side side) {
  if (is_here()) throw std::logic_error("what blocks is used on a loop's thread; await there, or use net::blocking");
  const auto self = shared_from_this();
  bool second = false;
  const parked_step::attempt attempt = [&]() -> function<void()>* {
    second = static_cast<bool>(waiter(side));
    if (second || step()) return end_wait(side), nullptr;
    begin_wait(side);
    return &waiter(side);
  };
  const bool posted =
      parked_step::wait_for(attempt, [this](parked_step first) { return post_to_loop(std::move(first)); });
  if (second) refuse_second();
  return posted;
}

void session_link::post(function<void(session&)> f) {
  post_to_loop([self = shared_from_this(), f = std::move(f)] {
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
  return host_ && loop_.is_here();
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
