// The life of a call: how it begins and ends, and how its answer reaches its connection.
// A call has one reference from its connection (the host), one from the coroutine or the thread that runs its handler,
// and one from each responder and each function posted to the loop. The last one to let go deletes it.
#include "lastcall/http/requests/call.hpp"

#include "lastcall/core/caught.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/requests/shard.hpp"

namespace lastcall::inline v0::http::detail {

namespace {

bool is_stream_error(const std::exception_ptr& threw) noexcept {
  try {
    std::rethrow_exception(threw);
  } catch (const body_error&) {
    return true;
  } catch (...) {  // caught: it has a name, since it was kept
    return false;
  }
}

}  // namespace

/// The request's context is a child of the server's, so that it drains and is forced with it. A long-lived call drains
/// at a moment of its own, so its context has no parent, and a callback forces it with the server.
void call::begin(call_host& host, const exchange& bytes, const erased_handler* handler, const net::endpoint& remote,
                 const context* parent, bool long_lived, time_point ends) {
  host_ = &host;
  exchange_ = &bytes;
  handler_ = handler;
  remote_ = remote;
  if (ends != time_point::max()) {
    ends_ = ends;
    schedule_alarm();
  }
  if (!parent) return;
  if (long_lived) {
    life_source_.emplace();
  } else if (ends_ != time_point::max()) {
    life_source_.emplace(*parent, deadline::at(ends_, environment_->loop.now()));
  } else {
    life_source_.emplace(*parent);
  }
  life_ = life_source_->get();
  if (long_lived) force_with_server_.emplace(parent->forced_token(), force_with_server{this});
}

/// Wakes a handler in `wait_for`: that returns false from now on.
void call::begin_drain(time_point drain_end) noexcept {
  if (life_source_) life_source_->begin_drain(drain_end);
  wake(time_waiter_);
}

/// Runs on the thread that forces the server. The lock keeps the host, and so the loop, alive while this posts.
void call::server_forced() noexcept {
  life_source_->force();
  const std::lock_guard lock(mutex_);
  if (host_) environment_->loop.post([self = reference(*this)] { self->wake(self->time_waiter_); });
}

/// From here on the handler is over, and the call makes the body of its answer.
void call::make_body(std::shared_ptr<const body_source> source) {
  makes_body_ = true;
  beat_after_ = source->beat_after;
  beat_ = source->beat;
  source_ = std::move(source);
  last_output_ = environment_->loop.now();
  schedule_alarm();
}

/// Only without other references: a thread or a responder that still has one may look at any member.
bool call::end() noexcept {
  if (!has_references(1)) return false;
  alarm_.cancel();
  force_with_server_.reset();
  life_source_.reset();
  life_ = context();
  kept_exchange_.reset();
  source_.reset();
  makes_body_ = false;
  replied_ = writing_ = body_over_ = stop_waiting_ = false;
  steps_ = steps_blocking_ = {};
  ends_ = waits_until_ = time_point::max();
  trailers_.clear();
  return true;
}

/// Forces the request's context. A coroutine in `wait_for` wakes at once; one that reads or writes wakes when the
/// connection detaches.
void call::client_gone(cause why) noexcept {
  if (life_source_) life_source_->force(why);
  wake(time_waiter_);
}

/// Called by the connection, on the loop's thread. After this no other thread posts to the loop for this call, since
/// they all check the host under the lock. `kept` is the request, which the handler may still read; the call owns it
/// from now on, and `why` ends its context. Every waiting coroutine wakes, finds no host and fails. May delete the
/// call. A maker that has not begun is destroyed: it may own a stream, and so a reference to this call.
void call::detach(exchange* kept, cause why) noexcept {
  std::shared_ptr<const body_source> unused;
  {
    const std::lock_guard lock(mutex_);
    host_ = nullptr;
    kept_exchange_.reset(kept);
    if (!kept) exchange_ = nullptr;
    unused.swap(source_);
  }
  alarm_.cancel();
  if (kept) client_gone(why);
  wake(time_waiter_);
  wake(input_waiter_);
  wake(output_waiter_);
  wake(answer_waiter_);
  release();
}

/// The short way for an answer that comes from the call's own coroutine at once: no other thread has a reference, so no
/// lock is needed.
void call::detach_within_coroutine() noexcept {
  constexpr std::uint32_t the_connections_and_the_coroutines = 2;
  if (!has_references(the_connections_and_the_coroutines)) return detach(nullptr, cause::none);
  host_ = nullptr;
  wake(input_waiter_);
  wake(output_waiter_);
  wake(answer_waiter_);
  release();
}

/// Posts the waiter and does not call it: a coroutine must not resume inside the function of the connection that wakes
/// it.
void call::wake(function<void()>& waiter) noexcept {
  if (waiter) environment_->loop.post(std::exchange(waiter, nullptr));
}

/// The maker belongs to what runs it from now on. Null: the connection has left the call.
std::shared_ptr<const body_source> call::take_source() noexcept {
  const std::lock_guard lock(mutex_);
  return std::move(source_);
}

void call::maker_threw(const std::exception_ptr& threw) const noexcept {
  if (is_stream_error(threw)) return;  // the client has gone: the connection knows
  service().log.error(service().name, "the maker of a body threw; the client sees a cut",
                      {{"what", lastcall::to_text(threw)}});
}

/// An exception of the maker ends the body early, and the host shows the client that it is not whole.
task<> call::run_maker() {
  std::exception_ptr threw;
  try {
    const std::shared_ptr<const body_source> source = take_source();
    if (source) co_await source->awaiting(stream_access::make<body_writer>(*this));
  } catch (...) {
    threw = caught();
  }
  if (threw) maker_threw(threw);
  end_body(!threw);
}

/// From here on nothing more is written, whoever still refers to the call. A write that has not ended leaves the body
/// in pieces.
void call::end_body(bool whole) noexcept {
  body_over_ = true;
  if (host_) host_->end_output(whole && !writing_, trailers_);
}

namespace {

/// Nobody gets an answer any more. What a handler throws after its own timeout mostly follows from that.
response late_answer(const std::exception_ptr& threw, const detail::service& by, bool timed_out) noexcept {
  const log_level level = timed_out ? log_level::debug : log_level::warning;
  if (!is_stream_error(threw) && by.log.enabled(level))
    by.log.write(level, by.name, "a handler threw when its request was over", {{"what", lastcall::to_text(threw)}});
  return failure();
}

}  // namespace

/// A body_error that the handler did not catch has the status for the client. 400 replaces 0: the client has gone, so
/// no client reads this answer. 500 replaces a number that is no error status.
response call::answer_to_exception(const std::exception_ptr& threw, const detail::service& by, std::string_view target,
                                   time_point ends) noexcept {
  if (steady().now() >= ends) return late_answer(threw, by, true);
  try {
    std::rethrow_exception(threw);
  } catch (const body_error& error) {
    const bool sound = error.status() >= 400 && error.status() <= 599;
    response r = text(std::string(error.what()) + "\n", sound ? error.status() : error.status() == 0 ? 400 : 500);
    if (error.status() == refusals::overloaded) r.header("Retry-After", refusals::come_again_after);
    return own_mark::set(std::move(r));
  } catch (const unavailable& missing) {
    by.log.warning(by.name, "a handler could not do its work now; sent 503",
                   {{"target", target}, {"what", missing.what()}});
    return answer_to(missing);
  } catch (...) {  // caught: it has a name, since it was kept
  }
  by.log.error(by.name, "a handler threw; sent 500", {{"target", target}, {"what", lastcall::to_text(threw)}});
  return failure();
}

response call::failed(const std::exception_ptr& threw) const noexcept {
  if (!gone()) return answer_to_exception(threw, service(), exchange_->req.target(), ends_);
  return late_answer(threw, service(), steady().now() >= ends_);
}

/// Runs on any thread. The answer moves to the loop's thread, and is dropped there if the connection has ended
/// meanwhile.
void call::reply(response&& r) noexcept {
  const std::lock_guard lock(mutex_);  // the loop exists as long as the host
  if (!host_ || replied_) return;
  replied_ = true;
  environment_->loop.post([self = reference(*this), r = std::move(r)]() mutable {
    if (self->host_) self->host_->take_answer(std::move(r));
  });
}

void call::unanswered() noexcept {
  if (gone()) return;
  if (steady().now() < ends_)
    service().log.error(service().name, "a handler dropped its responder without an answer; sent 500");
  reply(failure());
}

bool call::gone() const noexcept {
  const std::lock_guard lock(mutex_);
  return host_ == nullptr;
}

}  // namespace lastcall::inline v0::http::detail
