// Who answers a request, and how it ends. Bodies in pieces are in answer_bodies.cpp.
// An answer comes in one of three ways: from a plain handler, within answer_request(); from a coroutine that did not
// wait, also within it (in_coroutine_); or later, through take_answer() from the loop.
#include "lastcall/http/requests/answer_path.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/exit/terminate_line.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/http/requests/client_timeout.hpp"
#include "lastcall/http/routing/handler_access.hpp"
#include "lastcall/http/routing/responder.hpp"

namespace lastcall::inline v0::http::detail {

void answer_path::give_id() {
  if (!service().request_ids) return;
  request& r = exchange_->req;
  const std::string_view sent = r.header("X-Request-Id");
  request_access::id(r) = acceptable_request_id(sent) ? std::string(sent) : make_request_id();
}

void answer_path::answer_request() {
  exchange& x = *exchange_;
  request_access::body(x.req, x.body);
  if (const handler* const h = x.found.handle) {
    if (!h->options().timeout && service().timeout_header.empty()) return run(*h, service().life);
    if (!begin_timeout(*h)) return;
    const bool ends = x.ends != time_point::max() && h->form() == form::plain && h->wants_context();
    return run(*h, ends ? context_source(shard_.life(), deadline::at(x.ends, now())).get() : service().life);
  }
  if (x.req.verb() == method::connect) x.info.keep_alive = false;  // the client would send bytes of a tunnel next
  reject(own_mark::set(x.found.answer()));
}

namespace {

/// As caught(). A loop can't go on without its thread: a handler on it that ends its thread ends the process.
std::exception_ptr caught_on_loop(const request& req) {
  try {
    return caught();
  } catch (const forced_unwind&) {
    const activity now(req.method(), req.path());
    say_where_it_ends("a handler ended its thread (pthread_exit or a cancellation)");
    throw;
  }
}

}  // namespace

/// A client's own timeout can only shorten the route's. False: it can't be read, and its client has been told.
bool answer_path::begin_timeout(const handler& h) {
  exchange& x = *exchange_;
  if (h.options().long_lived) return true;
  std::optional<duration> time = h.options().timeout;
  const std::string& name = service().timeout_header;
  if (const std::string_view said = name.empty() ? std::string_view() : x.req.header(name); !said.empty()) {
    const std::optional<duration> clients = parse_timeout(said);
    if (!clients) return reject(answer_of(refusals::malformed_timeout)), false;
    time = std::min(time.value_or(*clients), *clients);
  }
  if (time) x.ends = shard_.set().loop().refresh_now() + *time;
  return true;
}

bool answer_path::is_past(time_point end) const noexcept { return shard_.set().loop().refresh_now() >= end; }

void answer_path::run(const handler& h, const context& life) {
  if (h.form() != form::plain && !make_way()) return;
  const request& req = exchange_->req;
  switch (h.form()) {
    case form::plain:
      return answered([&] {  // the response is constructed in place, and not moved
        std::exception_ptr threw;
        try {
          return handler_access::erased(h).answer(req, life, nullptr);
        } catch (...) {
          threw = caught_on_loop(req);
        }
        return call::answer_to_exception(threw, service(), req.target(), exchange_->ends);
      }());
    case form::responder: {
      call& c = begin_call(&h);
      c.acquire();
      responder reply = answers_through(&c);
      std::exception_ptr threw;
      try {
        handler_access::erased(h).answer_later(req, c.life(), std::move(reply));
      } catch (...) {
        threw = caught_on_loop(req);
      }
      // Its log line only: the destroyed responder has answered.
      if (threw) call::answer_to_exception(threw, service(), req.target(), exchange_->ends);
      return;
    }
    case form::coroutine: {
      call& c = begin_call(&h);
      in_coroutine_ = true;
      shard_.coroutines().run(c);
      in_coroutine_ = false;
      return;
    }
    case form::blocking: {
      call& c = begin_call(&h);
      c.acquire();
      const std::shared_ptr<call> in_pool(&c, [](call* p) { p->release(); });
      if (service().pool->submit([in_pool] { in_pool->run_blocking(); })) return;
      end_call();
      return reject(answer_of(refusals::no_free_thread));
    }
  }
}

/// Counts as answered once the kernel has all its bytes.
void answer_path::answered(response&& r) {
  if (call_ && !in_coroutine_ && service().life.forced()) answers_after_force();  // it took long enough to be late
  if (time_has_passed()) return time_is_up();
  if (!can_send(r.header_lines())) {
    service().log.error(service().name, "the headers of a response are too large; sent 500",
                        {{"target", exchange_->req.target()}, {"bytes", std::to_string(r.header_lines().size())}});
    r = failure();
  }
  if (r.status() == 426 && !can_upgrade()) return conclude(r, request_end::rejected, true);
  if (response_access::source(r)) return begin_body(std::move(r));
  conclude(r, request_end::answered, false);
}

void answer_path::conclude(const response& r, request_end as, bool refusal) {
  put_answer(r, as, refusal);
  end_call();
  response_made(as);
}

void answer_path::put_answer(const response& r, request_end as, bool refusal) {
  if (service().own_answers && own_mark::is_own(r)) return put_answer_as_it_is(as_the_program_wants(r), as, refusal);
  put_answer_as_it_is(r, as, refusal);
}

/// An answer of the server's own, changed by the program. What tells clients how to go on stays.
response answer_path::as_the_program_wants(const response& r) {
  static const request unread;
  response changed = r;
  if (const auto threw = exception_of([&] {
        service().own_answers(exchange_->input.has_head() ? exchange_->req : unread, changed);
        for (const std::string_view name : {"Allow", "Retry-After"})
          if (!r.header(name).empty() && changed.header(name).empty()) changed.header(name, r.header(name));
      })) {
    service().log.error(service().name, "own_answers threw; sent the answer as it was",
                        {{"what", lastcall::to_text(threw)}});
    return r;
  }
  if (!response_access::source(changed) && can_send(changed.header_lines())) return changed;
  service().log.error(service().name, "own_answers gave what can't be sent here; sent the answer as it was");
  return r;
}

void answer_path::put_answer_as_it_is(const response& r, request_end as, bool refusal) {
  put_response(r, refusal);
  exchange_->records.responded(service().access_log, exchange_->input.has_head() ? &exchange_->req : nullptr, client(),
                               r.status(), refusal ? 0 : r.body().size(), as);
}

/// After the drain end it is the force that ends it, and no timeout.
void answer_path::time_is_up() {
  const bool forced = service().life.forced();
  const request_end as = forced ? request_end::forced : request_end::timed_out;
  if (forced) answers_after_force();
  exchange& x = *exchange_;
  const auto give_back = [this](exchange* unused) { shard_.give_back(*unused); };
  std::unique_ptr<exchange, decltype(give_back)> rest(call_ ? &shard_.borrow() : nullptr, give_back);
  const bool breaks = sending_body();
  if (breaks) {
    note_break("its timeout has passed", as);
  } else {
    if (const auto left_out = shard_.late_lines.admit(now()))
      service().log.warning(service().name, "a handler took longer than its timeout; sent 504",
                            {{"target", x.req.target()}, {"left_out", std::to_string(*left_out)}});
    // What a handler reads in pieces belongs to it, so nobody knows where the next request begins.
    const bool body_comes = x.info.has_body && streams_body() && !x.incoming.over;
    put_answer(answer_of(refusals::answer_too_slow), as, body_comes);
  }
  if (rest) leave_request_to_call(*rest.release(), forced ? cause::forced : cause::deadline);
  breaks ? put_break() : response_made(as);
}

/// What the handler reads must neither move nor change, so the connection goes on with `rest`.
void answer_path::leave_request_to_call(exchange& rest, cause why) {
  rest.continue_from(*exchange_);
  std::exchange(call_, nullptr)->detach(std::exchange(exchange_, &rest), why);
}

/// For everything but a plain handler.
call& answer_path::begin_call(const handler* h) {
  if (h && h->options().long_lived && !std::exchange(long_lived_, true)) becomes_long_lived();
  call_ = &shard_.coroutines().borrow();
  call_->begin(*this, *exchange_, h ? &handler_access::erased(*h) : nullptr, client(),
               h && h->wants_context() ? &shard_.life() : nullptr, long_lived_, exchange_->ends);
  request_access::remote(exchange_->req, &call_->remote());
  call_begun();
  if (h && h->options().gone_at_fin && client_ends()) call_->client_gone();  // the FIN came with the request
  return *call_;
}

/// The call lives on while the handler, a thread or a responder has a reference.
void answer_path::end_call() noexcept {
  if (!call_) return;
  if (exchange_) exchange_->pacing.end_wait(now());  // another coroutine of the handler may still read
  call& c = *std::exchange(call_, nullptr);
  in_coroutine_ ? c.detach_within_coroutine() : c.detach(nullptr, cause::none);
}

/// A long-lived handler learns of the drain at the moment of its connection.
void answer_path::tell_drain() noexcept {
  if (call_ && long_lived_) call_->begin_drain(shard_.life().drain_end());
}

void answer_path::cut(request_end as, bool open) noexcept {
  if (!exchange_) return;
  exchange_->records.cut(service().access_log, open, exchange_->input.has_head() ? &exchange_->req : nullptr, client(),
                         now(), as);
  if (call_) {
    const cause why = as == request_end::forced ? cause::forced : cause::client_gone;
    std::exchange(call_, nullptr)->detach(std::exchange(exchange_, nullptr), why);
  }
  drop_exchange();
}

std::uint64_t answer_path::body_limit() const noexcept {
  const std::uint64_t of_all = service().limits.body_bytes;
  return found_handler() ? found_handler()->options().max_body.value_or(of_all) : of_all;
}

std::string answer_path::label() const {
  if (!exchange_ || !exchange_->input.has_head()) return "a request that is not complete";
  const request& r = exchange_->req;
  if (r.method().empty()) return "a response on its way";  // the request is its handler's, who is late
  constexpr std::size_t shown = 120;
  const bool is_long = r.target().size() > shown;
  return std::string(r.method()).append(" ").append(r.target().substr(0, shown)).append(is_long ? "..." : "");
}

}  // namespace lastcall::inline v0::http::detail
