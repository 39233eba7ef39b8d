// The part of call that waits for time to pass. One alarm of the loop serves three purposes: to wake a coroutine in
// `wait_for`, to send the beat of a body of which nothing was sent for `beat_after`, and to end the call when its
// timeout passes. It is due at the earliest of the three.
#include <algorithm>
#include <utility>

#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/call_waiter.hpp"

namespace lastcall::inline v0::http::detail {

/// Several events wake this coroutine: the alarm, the drain, stop_waiting(), the end of the connection. So each time it
/// checks why.
task<bool> call::wait_for(reference self, duration time) {
  call& c = *self;
  require_thread(!c.host_ || c.environment_->loop.is_here());
  require_no_waiter(static_cast<bool>(c.time_waiter_));
  const auto is_over = [&c] { return !c.host_ || c.life_.draining() || c.stop_waiting_; };
  if (is_over() && c.steps_.many()) co_await net::let_others_run();
  if (is_over()) co_return false;
  const time_point until = lastcall::detail::later(c.environment_->loop.refresh_now(), time);
  do {
    c.waits_until_ = until;
    c.schedule_alarm();
    co_await suspended(c.time_waiter_);
    c.steps_.waited();
    c.waits_until_ = time_point::max();
    if (is_over()) co_return false;
  } while (c.environment_->loop.now() < until);
  co_return true;
}

void call::stop_waiting() noexcept {
  stop_waiting_ = true;
  wake(time_waiter_);
}

/// A failed write of the beat ends the connection, which detaches from this call: the reference keeps it until the end.
void call::on_alarm(time_point now) noexcept {
  const reference self(*this);
  if (ends_ <= now) {
    if (host_) host_->take_timeout();
    return;
  }
  if (waits_until_ <= now) {
    waits_until_ = time_point::max();
    wake(time_waiter_);
  }
  if (makes_body_ && beat_after_ > duration::zero() && last_output_ + beat_after_ <= now) {
    try {
      write_now(beat_);
    } catch (const std::exception&) {  // no memory for it: the next one may have some
    }
    last_output_ = now;  // also when there was no room for the beat
  }
  if (host_) schedule_alarm();
}

/// An alarm that is due earlier stays: on_alarm() calls this again.
void call::schedule_alarm() {
  time_point next = std::min(waits_until_, ends_);
  if (makes_body_ && beat_after_ > duration::zero()) next = std::min(next, last_output_ + beat_after_);
  if (next == time_point::max()) return;
  if (!alarm_.armed() || alarm_.due() > next) environment_->loop.schedule(alarm_, next);
}

}  // namespace lastcall::inline v0::http::detail
