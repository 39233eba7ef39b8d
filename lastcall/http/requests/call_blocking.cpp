// The part of call that serves a handler on a thread of the pool. The handler runs on that thread. Each step of its
// streams runs on the loop, because the connection belongs to the loop; the thread blocks until the step is done.
#include <exception>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/call_waiter.hpp"
#include "lastcall/net/loop/parked_step.hpp"

namespace lastcall::inline v0::http::detail {

/// Blocks the calling thread. Wakes in the loop by `waiter`, as a coroutine does.   Errors: as require_no_waiter;
/// std::logic_error on the loop's thread, which would wait for itself.
void call::step_on_loop(const function<bool()>& step, function<void()> call::* waiter) {
  require_thread(!is_here());
  const reference self(*this);
  bool second = false;
  const net::parked_step::attempt attempt = [&]() -> function<void()>* {
    second = static_cast<bool>(this->*waiter);
    return second || step() ? nullptr : &(this->*waiter);
  };
  net::parked_step::wait_for(attempt, [this](net::parked_step first) {
    const std::lock_guard lock(mutex_);
    if (host_) environment_->loop.post(std::move(first));
    return host_ != nullptr;
  });
  require_no_waiter(second);
}

bool call::is_here() const noexcept {
  const std::lock_guard lock(mutex_);
  return host_ && environment_->loop.is_here();
}

bool call::post(function<void()> f) {
  const std::lock_guard lock(mutex_);
  if (host_) environment_->loop.post(std::move(f));
  return host_ != nullptr;
}

/// The result is still `wait` when the loop ended before the step could run.
std::optional<std::string_view> call::read_blocking() {
  input_result in{.what = input_result::kind::failed, .why = client_has_gone};
  step_on_loop(
      [&] {
        in = try_input();
        return in.what != input_result::kind::wait;
      },
      &call::input_waiter_);
  if (in.what == input_result::kind::wait)
    in = {.what = input_result::kind::failed, .why = client_has_gone};  // see above
  return piece_of(in);
}

/// The result is still false when the loop ended before the step could run.
bool call::write_blocking(std::string_view bytes) {
  bool all = false;
  std::exception_ptr error;
  const auto try_all = [&] {
    do {
      const std::optional<std::size_t> taken = try_output(bytes);
      if (taken) bytes.remove_prefix(*taken);
      all = taken && bytes.empty();
      writing_ = taken && !all;
      if (taken && *taken == 0) break;
    } while (writing_);
  };
  step_on_loop(
      [&] {
        error = exception_of(try_all);  // thrown to the handler, and not on the loop
        if (error) writing_ = false;
        return !writing_;
      },
      &call::output_waiter_);
  if (error) std::rethrow_exception(error);
  if (!all && steps_blocking_.refused_for_ever()) throw body_error(0, client_has_gone);
  return all;
}

/// Runs the handler, or the maker of the body that it answered with.
void call::run_blocking() {
  const activity now(exchange_->req.method(), exchange_->req.path());  // without the query, which may hold secrets
  if (makes_body_) {
    const auto over = [this](const std::exception_ptr& threw) {
      if (threw) maker_threw(threw);
      finish_from_thread(!threw);
    };
    const std::shared_ptr<const body_source> source = take_source();
    try {
      over(exception_of([&] {
        if (source) source->blocking(stream_access::make<body_writer>(*this));
      }));
    } catch (const forced_unwind&) {
      over(std::make_exception_ptr(thread_ended()));
      throw;
    }
    return;
  }
  if (gone()) return;  // the client may have gone while this waited for a thread
  answer_on_pool(*handler_, exchange_->req, life_, [this](response&& r) { reply(std::move(r)); });
}

void call::finish_from_thread(bool whole) noexcept {
  const std::lock_guard lock(mutex_);
  if (!host_) return;
  environment_->loop.post([self = reference(*this), whole] { self->end_body(whole); });
}

}  // namespace lastcall::inline v0::http::detail
