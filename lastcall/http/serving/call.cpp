#include "lastcall/http/serving/call.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <stdexcept>

#include "lastcall/core/countdown.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/routing/erased_handler.hpp"
#include "lastcall/http/serving/shard.hpp"

namespace lastcall::inline v0::http::detail {

namespace {

/// A second one would take the place of the first, which then never went on. Asked before anything is changed.
void let_one_wait(bool waits) {
  if (waits) throw std::logic_error("a coroutine waits here already; read, write and wait one at a time");
}

/// Suspends the coroutine until the waiter is called.
auto parked(function<void()>& waiter) {
  let_one_wait(static_cast<bool>(waiter));
  return boost::asio::async_initiate<const boost::asio::deferred_t&, void()>(
      [&waiter](auto handler) { waiter = std::move(handler); }, boost::asio::deferred);
}

/// What whoever looks for a hang reads of a thread of the pool. Without the query: it may hold secrets.
activity activity_of(const request& r) noexcept { return activity(r.method(), r.path()); }

constexpr const char* has_gone = "the client has gone";

}  // namespace

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

/// Brings an answer to a coroutine that waits for it.
class call::handed_back final : public pending_reply {
 public:
  explicit handed_back(call& to, std::shared_ptr<std::optional<response>> into) : to_(to), into_(std::move(into)) {}

  void reply(response&& r) noexcept override {
    const std::lock_guard lock(to_->mutex_);
    if (!to_->host_) return;
    to_->home_->loop.post([to = reference(*to_), into = into_, r = std::move(r)]() mutable {
      into->emplace(std::move(r));
      if (to->host_) to->wake(to->answer_waiter_);
    });
  }
  void unanswered() noexcept override {
    if (!gone()) reply(text("internal server error\n", 500));
  }
  bool gone() const noexcept override { return to_->gone(); }

 private:
  reference to_;
  const std::shared_ptr<std::optional<response>> into_;
};

void call::begin(call_host& host, const exchange& bytes, const erased_handler* handler, const net::endpoint& remote,
                 const context* parent, bool long_lived) {
  host_ = &host;
  bytes_ = &bytes;
  handler_ = handler;
  remote_ = remote;
  if (!parent) return;
  if (long_lived) {
    end_.emplace();
  } else {
    end_.emplace(*parent);
  }
  life_ = end_->get();
  if (long_lived) with_server_.emplace(parent->forced_token(), forced_too{this});
}

void call::told(time_point drain_end) noexcept {
  if (end_) end_->begin_drain(drain_end);
  wake(time_waiter_);
}

/// On the thread of whoever forces.
void call::server_forced() noexcept {
  end_->force();
  const std::lock_guard lock(mutex_);
  if (host_) home_->loop.post([self = reference(*this)] { self->wake(self->time_waiter_); });
}

void call::make_body(std::shared_ptr<const body_source> of) {
  source_ = std::move(of);
  last_output_ = home_->loop.now();
  look_later();
}

bool call::end() noexcept {
  if (!sole_reference()) return false;
  alarm_.cancel();
  with_server_.reset();
  end_.reset();
  life_ = context();
  kept_.reset();
  source_.reset();
  replied_ = pool_was_full_ = writing_ = stop_waiting_ = false;
  waits_until_ = time_point::max();
  trailers_.clear();
  return true;
}

void call::client_gone(cause why) noexcept {
  if (end_) end_->force(why);
  wake(time_waiter_);
}

void call::let_go(exchange* kept, cause why) noexcept {
  {
    const std::lock_guard lock(mutex_);
    host_ = nullptr;
    kept_.reset(kept);
  }
  alarm_.cancel();
  if (kept) client_gone(why);
  wake(time_waiter_);
  wake(input_waiter_);
  wake(output_waiter_);
  wake(answer_waiter_);
  release();
}

void call::let_go_within() noexcept {
  constexpr std::uint32_t the_connections_and_the_coroutines = 2;
  if (!has_references(the_connections_and_the_coroutines)) return let_go(nullptr, cause::none);
  host_ = nullptr;  // no lock: there is nobody else who could look
  wake(input_waiter_);
  wake(output_waiter_);
  wake(answer_waiter_);
  release();
}

void call::wake(function<void()>& waiter) noexcept {
  if (waiter) home_->loop.post(std::exchange(waiter, nullptr));
}

task<> call::run_maker() {
  bool whole = false;
  try {
    body_writer to(*this);
    co_await source_->awaiting(to);
    whole = true;
  } catch (const stream_error&) {  // whoever reads it knows
  } catch (const std::exception& error) {
    home_->of->log.error(home_->of->name, "the maker of a body threw; the client sees a cut", {{"what", error.what()}});
  } catch (...) {
    home_->of->log.error(home_->of->name, "the maker of a body threw something that is no std::exception");
  }
  if (host_) host_->end_output(whole, trailers_);
}

void call::run_blocking() noexcept {
  const activity now = activity_of(bytes_->req);
  if (source_) {
    bool whole = false;
    try {
      body_writer to(*this);
      source_->blocking(to);
      whole = true;
    } catch (const stream_error&) {
    } catch (const std::exception& error) {
      home_->of->log.error(home_->of->name, "the maker of a body threw; the client sees a cut",
                           {{"what", error.what()}});
    } catch (...) {
      home_->of->log.error(home_->of->name, "the maker of a body threw something that is no std::exception");
    }
    return finish_from_thread(whole);
  }
  if (!gone())
    reply(answer_or_failure(*handler_, bytes_->req, life_));  // it may have gone while this stood in the queue
}

response call::failed() const noexcept {
  try {
    throw;
  } catch (const stream_error& error) {
    const bool sound = error.status() >= 400 && error.status() <= 599;
    response r = text(std::string(error.what()) + "\n", sound ? error.status() : error.status() == 0 ? 400 : 500);
    if (error.status() == 503) r.header("Retry-After", "1");
    return r;
  } catch (const std::exception& error) {
    home_->of->log.error(home_->of->name, "a handler threw; sent 500",
                         {{"target", bytes_->req.target()}, {"what", error.what()}});
  } catch (...) {
    home_->of->log.error(home_->of->name, "a handler threw something that is no std::exception; sent 500",
                         {{"target", bytes_->req.target()}});
  }
  return text("internal server error\n", 500);
}

void call::reply(response&& r) noexcept {
  const std::lock_guard lock(mutex_);  // while the host is there, so is its loop
  if (!host_ || replied_) return;
  replied_ = true;
  home_->loop.post([self = reference(*this), r = std::move(r)]() mutable {
    if (self->host_) self->host_->take_answer(std::move(r));
  });
}

void call::finish_from_thread(bool whole) noexcept {
  const std::lock_guard lock(mutex_);
  if (!host_) return;
  home_->loop.post([self = reference(*this), whole] {
    if (self->host_) self->host_->end_output(whole, self->trailers_);
  });
}

void call::unanswered() noexcept {
  if (gone()) return;
  home_->of->log.write(log_level::error, home_->of->name,
                       "a handler dropped its responder without an answer; sent 500");
  reply(text("internal server error\n", 500));
}

bool call::gone() const noexcept {
  const std::lock_guard lock(mutex_);
  return host_ == nullptr;
}

input call::try_input() noexcept {
  if (!host_) return {.what = input::kind::failed, .why = has_gone};
  return host_->next_input();
}

std::size_t call::try_output(std::string_view bytes) {
  if (!host_) throw stream_error(0, has_gone);
  const std::size_t taken = host_->take_output(bytes);
  if (taken > 0) last_output_ = home_->loop.now();
  return taken;
}

namespace {
std::optional<std::string_view> piece_of(const input& in) {
  if (in.what == input::kind::failed) throw stream_error(in.status, in.why);
  if (in.what == input::kind::end) return std::nullopt;
  return in.bytes;
}
}  // namespace

task<std::optional<std::string_view>> call::read() {
  let_one_wait(static_cast<bool>(input_waiter_));
  input in = try_input();
  for (; in.what == input::kind::wait; in = try_input()) co_await parked(input_waiter_);
  co_return piece_of(in);
}

task<> call::write(std::string_view bytes) {
  let_one_wait(writing_);  // nothing goes between its bytes
  try {
    while (!bytes.empty()) {
      const std::size_t taken = try_output(bytes);
      bytes.remove_prefix(taken);
      writing_ = !bytes.empty();
      if (taken == 0) co_await parked(output_waiter_);
    }
  } catch (...) {
    writing_ = false;
    throw;
  }
}

bool call::write_now(std::string_view bytes) {
  if (writing_) return false;
  std::size_t taken = try_output(bytes);
  if (taken == 0) return false;
  while (bytes.remove_prefix(taken), !bytes.empty())
    if ((taken = try_output(bytes)) == 0) return host_->end_output(false, {}), false;
  return true;
}

task<bool> call::wait_for(duration time) {
  let_one_wait(static_cast<bool>(time_waiter_));
  if (!host_ || life_.draining() || std::exchange(stop_waiting_, false)) co_return false;
  const time_point now = home_->loop.refresh_now();
  const time_point until = time > time_point::max() - now ? time_point::max() : now + time;
  do {
    waits_until_ = until;
    look_later();
    co_await parked(time_waiter_);
    waits_until_ = time_point::max();
    if (!host_ || life_.draining() || std::exchange(stop_waiting_, false)) co_return false;
  } while (home_->loop.now() < until);
  co_return true;
}

void call::stop_waiting() noexcept {
  stop_waiting_ = true;
  wake(time_waiter_);
}

/// For whoever waits, and for a body of which nothing was sent for too long.
void call::look(time_point now) noexcept {
  const reference self(*this);  // a failed write ends the connection, and lets go of us
  if (waits_until_ <= now) {
    waits_until_ = time_point::max();
    wake(time_waiter_);
  }
  if (source_ && source_->beat_after > duration::zero() && last_output_ + source_->beat_after <= now) {
    try {
      write_now(source_->beat);
    } catch (const std::exception&) {  // its own writes find that out
    }
    last_output_ = now;  // also when more than enough waits for the client already
  }
  if (host_) look_later();
}

void call::look_later() {
  time_point next = waits_until_;
  if (source_ && source_->beat_after > duration::zero()) next = std::min(next, last_output_ + source_->beat_after);
  if (next == time_point::max()) return;
  if (!alarm_.armed() || alarm_.due() > next) home_->loop.schedule(alarm_, next);  // armed earlier: looks again
}

task<response> call::elsewhere(const erased_handler& h, const request& r, const context& c) {
  let_one_wait(static_cast<bool>(answer_waiter_));
  const auto answer = std::make_shared<std::optional<response>>();
  responder to(new handed_back(*this, answer));
  if (h.form == form::responder) {
    h.answer_later(r, c, std::move(to));
  } else {
    const auto from_pool = std::make_shared<responder>(std::move(to));
    function<void()> job = [self = reference(*this), &h, &r, &c, from_pool] {
      const activity now = activity_of(r);
      from_pool->send(self->answer_or_failure(h, r, c));
    };
    if (!host_ || !home_->of->pool->submit(std::move(job))) {
      pool_was_full_ = true;
      co_return pool_is_full();
    }
  }
  while (!*answer) {
    if (!host_) throw stream_error(0, has_gone);
    co_await parked(answer_waiter_);
  }
  co_return std::move(**answer);
}

/// Of a job on the pool; shared with it.
struct call::job_result {
  bool over = false;
  std::exception_ptr error;
};

task<> call::on_pool(function<void()> job) {
  let_one_wait(static_cast<bool>(answer_waiter_));
  const auto out = std::make_shared<job_result>();
  if (!host_) {
    out->over = true;
    out->error = std::make_exception_ptr(stream_error(0, has_gone));
    return result_of(out);
  }
  function<void()> work = [self = reference(*this), out, job = std::move(job)] {
    const activity now = activity_of(self->bytes_->req);
    std::exception_ptr error;
    try {
      job();
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(self->mutex_);
    if (!self->host_) return;
    self->home_->loop.post([back = reference(*self), out, error] {
      *out = {.over = true, .error = error};
      if (back->host_) back->wake(back->answer_waiter_);
    });
  };
  if (!home_->of->pool->submit(std::move(work)))
    *out = {.over = true, .error = std::make_exception_ptr(stream_error(503, "too many requests that take long"))};
  return result_of(out);
}

task<> call::result_of(std::shared_ptr<job_result> out) {
  while (!out->over) {
    if (!host_) throw stream_error(0, has_gone);
    co_await parked(answer_waiter_);
  }
  if (out->error) std::rethrow_exception(out->error);
}

response call::answer_or_failure(const erased_handler& h, const request& r, const context& c) noexcept {
  try {
    return h.answer(r, c, this);
  } catch (...) {
    return failed();
  }
}

void call::step_on_loop(const function<bool()>& step, function<void()> call::* waiter) {
  const auto over = std::make_shared<countdown>(1);
  {
    const std::lock_guard lock(mutex_);
    if (!host_) return;
    home_->loop.post(blocked_step(*this, step, waiter, over));
  }
  while (!over->wait_until(steady().now() + std::chrono::hours(1))) {  // the connection's own bounds end it
  }
}

std::optional<std::string_view> call::read_blocking() {
  input in{.what = input::kind::failed, .why = has_gone};
  step_on_loop(
      [&] {
        in = try_input();
        return in.what != input::kind::wait;
      },
      &call::input_waiter_);
  if (in.what == input::kind::wait) in = {.what = input::kind::failed, .why = has_gone};  // the loop has ended
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
  if (!bytes.empty()) throw stream_error(0, has_gone);
}

void call::trailer(std::string_view name, std::string_view value) {
  trailers_ += response(200).header(name, value).header_lines();  // checked as any other
}

}  // namespace lastcall::inline v0::http::detail
