// The part of call that serves a handler on a thread of the pool. The handler runs on that thread. Each step of its
// streams runs on the loop, because the connection belongs to the loop; the thread blocks until the step is done.
#include <chrono>
#include <exception>
#include <utility>

#include "lastcall/core/countdown.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/requests/call.hpp"
#include "lastcall/http/requests/call_waiter.hpp"
#include "lastcall/http/requests/shard.hpp"
#include "lastcall/http/routing/erased_handler.hpp"

namespace lastcall::inline v0::http::detail {

/// One step that a blocked thread waits for. It runs on the loop, and moves itself into the waiter when the connection
/// is not ready; the waiter runs it again. The destructor unblocks the thread in every case, also when a loop that ends
/// drops the function without running it.
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
  const function<bool()>* step_;  // on the stack of the thread that waits
  function<void()> call::* waiter_;
  std::shared_ptr<countdown> over_;
};

/// Blocks the calling thread. The limits of the connection (body_time, write_time, the drain end) end every wait, so
/// there is no limit here: the loop only repeats a wait of one hour.
void call::step_on_loop(const function<bool()>& step, function<void()> call::* waiter) {
  const auto over = std::make_shared<countdown>(1);
  {
    const std::lock_guard lock(mutex_);
    if (!host_) return;
    environment_->loop.post(blocked_step(*this, step, waiter, over));
  }
  while (!over->wait_until(steady().now() + std::chrono::hours(1))) {  // see above
  }
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

/// Bytes that are left without an error mean that the loop or the connection ended.
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

/// Runs the handler, or the maker of the body that it answered with.
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
      service().log.error(service().name, "the maker of a body threw; the client sees a cut", {{"what", error.what()}});
    } catch (...) {
      service().log.error(service().name, "the maker of a body threw something that is no std::exception");
    }
    return finish_from_thread(whole);
  }
  if (!gone())  // the client may have gone while this waited for a thread
    reply(answer_or_failure(*handler_, exchange_->req, life_));
}

void call::finish_from_thread(bool whole) noexcept {
  const std::lock_guard lock(mutex_);
  if (!host_) return;
  environment_->loop.post([self = reference(*this), whole] {
    if (self->host_) self->host_->end_output(whole, self->trailers_);
  });
}

}  // namespace lastcall::inline v0::http::detail
