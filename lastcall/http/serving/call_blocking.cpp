// The part of call that serves a handler on a thread of the pool: the handler runs there, each step of its streams runs
// on the loop.
#include <chrono>
#include <exception>
#include <utility>

#include "lastcall/core/countdown.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/routing/erased_handler.hpp"
#include "lastcall/http/serving/call.hpp"
#include "lastcall/http/serving/call_waiter.hpp"
#include "lastcall/http/serving/shard.hpp"

namespace lastcall::inline v0::http::detail {

/// A thread waits while a step of its stream is tried on the loop, now and whenever it is woken. However that ends,
/// also by being dropped unrun, the thread is told.
class call::blocked_step {
 public:
  blocked_step(call& c, const function<bool()>& step, function<void()> call::* waiter, std::shared_ptr<countdown> over)
      : call_(c), step_(&step), waiter_(waiter), over_(std::move(over)) {}
  blocked_step(blocked_step&&) noexcept = default;
  blocked_step& operator=(blocked_step&&) = delete;
  ~blocked_step() {
    if (over_) over_->count_down();
  }

  void operator()() {
    call& c = *call_;
    if (!(*step_)()) c.*waiter_ = std::move(*this);
  }

 private:
  reference call_;
  const function<bool()>* step_;  // the waiting thread's
  function<void()> call::* waiter_;
  std::shared_ptr<countdown> over_;
};

void call::step_on_loop(const function<bool()>& step, function<void()> call::* waiter) {
  const auto over = std::make_shared<countdown>(1);
  {
    const std::lock_guard lock(mutex_);
    if (!host_) return;
    environment_->loop.post(blocked_step(*this, step, waiter, over));
  }
  while (!over->wait_until(steady().now() + std::chrono::hours(1))) {  // the connection's own bounds end it
  }
}

std::optional<std::string_view> call::read_blocking() {
  input_result in{.what = input_result::kind::failed, .why = client_has_gone};
  step_on_loop(
      [&] {
        in = try_input();
        return in.what != input_result::kind::wait;
      },
      &call::input_waiter_);
  if (in.what == input_result::kind::wait)
    in = {.what = input_result::kind::failed, .why = client_has_gone};  // the loop has ended
  return piece_of(in);
}

void call::write_blocking(std::string_view bytes) {
  std::exception_ptr error;
  step_on_loop(
      [&] {
        try {
          std::size_t taken = 1;
          for (; !bytes.empty() && taken > 0; bytes.remove_prefix(taken)) taken = try_output(bytes);
          writing_ = !bytes.empty();
        } catch (...) {
          error = std::current_exception();
          return true;
        }
        return bytes.empty();
      },
      &call::output_waiter_);
  if (error) std::rethrow_exception(error);
  if (!bytes.empty()) throw stream_error(0, client_has_gone);
}

void call::run_blocking() noexcept {
  const activity now(exchange_->req.method(), exchange_->req.path());  // without the query, which may hold secrets
  if (source_) {
    bool whole = false;
    try {
      body_writer to(*this);
      source_->blocking(to);
      whole = true;
    } catch (const stream_error&) {
    } catch (const std::exception& error) {
      environment_->service->log.error(environment_->service->name, "the maker of a body threw; the client sees a cut",
                                       {{"what", error.what()}});
    } catch (...) {
      environment_->service->log.error(environment_->service->name,
                                       "the maker of a body threw something that is no std::exception");
    }
    return finish_from_thread(whole);
  }
  if (!gone())
    reply(answer_or_failure(*handler_, exchange_->req, life_));  // it may have gone while this stood in the queue
}

void call::finish_from_thread(bool whole) noexcept {
  const std::lock_guard lock(mutex_);
  if (!host_) return;
  environment_->loop.post([self = reference(*this), whole] {
    if (self->host_) self->host_->end_output(whole, self->trailers_);
  });
}

}  // namespace lastcall::inline v0::http::detail
