// The part of call that lets a coroutine wait for work that runs elsewhere: a job on the pool, or a handler that is no
// coroutine. The result comes back in an object that both share, because the coroutine may be destroyed before the work
// ends.
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/call_waiter.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/http/routing/responder.hpp"

namespace lastcall::inline v0::http::detail {

/// Brings the answer of a responder to the coroutine that waits for it. Another thread may call it, so it posts to the
/// loop.
class call::answer_to_coroutine final : public pending_reply {
 public:
  explicit answer_to_coroutine(call& to, std::shared_ptr<std::optional<response>> into)
      : to_(to), into_(std::move(into)) {}

  void reply(response&& r) noexcept override {
    const std::lock_guard lock(to_->mutex_);
    if (!to_->host_) return;
    to_->environment_->loop.post([to = reference(*to_), into = into_, r = std::move(r)]() mutable {
      into->emplace(std::move(r));
      if (to->host_) to->wake(to->answer_waiter_);
    });
  }
  void unanswered() noexcept override {
    if (!gone()) reply(failure());
  }
  bool gone() const noexcept override { return to_->gone(); }

 private:
  reference to_;
  const std::shared_ptr<std::optional<response>> into_;
};

/// `h` belongs to a route, `r` and `c` to this call. The job has a reference to the call, which keeps the routes, too:
/// so all of them outlive the job, also when the connection ends first.
task<response> call::answer_elsewhere(const erased_handler& h, const request& r, const context& c) {
  require_no_waiter(static_cast<bool>(answer_waiter_));
  const auto answer = std::make_shared<std::optional<response>>();
  responder to = answers_through(new answer_to_coroutine(*this, answer));
  if (h.form == form::responder) {
    h.answer_later(r, c, std::move(to));
  } else {
    const auto from_pool = std::make_shared<responder>(std::move(to));
    function<void()> job = [self = reference(*this), &h, &r, &c, from_pool] {
      if (self->gone()) return;  // its time may be up, or the client gone, while this waited for a thread
      const activity now(r.method(), r.path());  // without the query, which may hold secrets
      self->answer_on_pool(h, r, c, [&](response&& said) { from_pool->send(std::move(said)); });
    };
    if (!host_ || !service().pool->submit(std::move(job))) co_return answer_of(refusals::no_free_thread);
  }
  while (!*answer) {
    if (!host_) throw body_error(0, client_has_gone);
    co_await suspended(answer_waiter_);
  }
  co_return std::move(**answer);
}

/// No coroutine itself, so that the job is on its way before the caller awaits. Without a host the job does not run.
task<> call::on_pool(function<void()> job) {
  require_no_waiter(static_cast<bool>(answer_waiter_));
  const auto out = std::make_shared<job_result>();
  if (!host_) {
    *out = std::make_exception_ptr(body_error(0, client_has_gone));
    return result_of(reference(*this), out);
  }
  // Copies, because the request may be over before the job; without the query, which may hold secrets.
  std::string method(exchange_->req.method()), path(exchange_->req.path());
  function<void()> work = [self = reference(*this), out, job = std::move(job), method = std::move(method),
                           path = std::move(path)] {
    const activity now(method, path);
    const auto over = [&](const std::exception_ptr& error) {
      const std::lock_guard lock(self->mutex_);
      if (!self->host_) return;
      self->environment_->loop.post([back = reference(*self), out, error] {
        *out = error;
        if (back->host_) back->wake(back->answer_waiter_);
      });
    };
    try {
      over(exception_of(job));
    } catch (const forced_unwind&) {
      over(std::make_exception_ptr(thread_ended()));
      throw;
    }
  };
  if (!service().pool->submit(std::move(work)))
    *out = std::make_exception_ptr(body_error(refusals::no_free_thread.status, refusals::no_free_thread.why));
  return result_of(reference(*this), out);
}

/// Throws what the job threw. After the connection has ended it does not wait for the job.
task<> call::result_of(reference self, std::shared_ptr<job_result> out) {
  while (!*out) {
    if (!self->host_) throw body_error(0, client_has_gone);
    co_await suspended(self->answer_waiter_);
  }
  if (**out) std::rethrow_exception(**out);
}

/// On the thread of the pool. An exception becomes the answer, and so does the end of the thread, which then goes on.
void call::answer_on_pool(const erased_handler& h, const request& r, const context& c,
                          const function<void(response&&)>& to) {
  std::optional<response> said;
  try {
    const std::exception_ptr threw = exception_of([&] { said.emplace(h.answer(r, c, this)); });
    to(threw ? failed(threw) : std::move(*said));
  } catch (const forced_unwind&) {
    to(failed(std::make_exception_ptr(thread_ended())));
    throw;
  }
}

}  // namespace lastcall::inline v0::http::detail
