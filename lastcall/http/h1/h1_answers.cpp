// How an HTTP/1.1 connection takes the answer to a request, or makes one in the place of its handler.
// An answer comes in one of three ways: from a plain handler within go_on(); from a coroutine that did not wait, also
// within go_on() (in_coroutine_); or later, through take_answer() from the loop. All append to shard_.output(), and the
// outermost of go_on() and take_answer() flushes it.
#include <algorithm>
#include <exception>
#include <utility>

#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

/// The handler's answer. Counts as answered once the kernel has all its bytes: see all_sent().
void h1_connection::answered(response&& r) {
  if (r.source()) return begin_body(std::move(r));
  if (call_ && call_->pool_was_full() && r.status() == 503) return end_call(), reject(r);
  append(r);
  exchange_->records.responded(shard_.service().access_log, &exchange_->req, remote(), r.status(), r.body().size(),
                               request_end::answered);
  ++unsent_answers_;
  end_call();
  finish_request();
}

/// An answer in the place of the handler, for example 404. The request counts as rejected.
void h1_connection::reject(const response& r) {
  append(r);
  exchange_->records.responded(shard_.service().access_log, &exchange_->req, remote(), r.status(), r.body().size(),
                               request_end::rejected);
  shard_.rejected.add();
  finish_request();
}

/// The connection closes after it if bytes of the request's body are missing: nothing tells where the next request
/// begins.
void h1_connection::append(const response& r) {
  const exchange& x = *exchange_;
  closing_ = !body_is_over() || !x.info.keep_alive;
  close_at_ = write_response(shard_.output(), r, framing_of(closing_));
}

framing h1_connection::framing_of(bool close) const {
  const exchange& x = *exchange_;
  return {.date = shard_.date(),
          .head = x.req.verb() == method::head,
          .close = close,
          .http_1_0 = x.info.http_1_0,
          .request_id = request_access::id(x.req)};
}

/// An error for a request that can't be read or served. Always closes, because the place of the next request is
/// unknown.
void h1_connection::refuse(int status, std::string_view why, request_end as) {
  // The parser may have failed before the method, so the raw bytes decide.
  std::string_view first = exchange_->input.unread();
  first.remove_prefix(std::min(first.find_first_not_of("\r\n"), first.size()));
  const bool head = first.starts_with("HEAD ");
  write_refusal(shard_.output(), {.status = status, .why = why, .retry_after_seconds = status == 503 ? 1 : 0},
                {.date = shard_.date(),
                 .head = head,
                 .request_id = exchange_->input.has_head() ? request_access::id(exchange_->req) : std::string_view()});
  exchange_->records.responded(shard_.service().access_log, exchange_->input.has_head() ? &exchange_->req : nullptr,
                               remote(), status, 0, as);
  (as == request_end::forced ? shard_.forced : shard_.rejected).add();
  begun_ = false;
  closing_ = true;
}

void h1_connection::finish_request() noexcept {
  exchange_->next();
  begun_ = false;
  if (std::exchange(long_lived_, false)) become(net::connection_kind::http1);
}

/// For everything but a plain handler. The state from here on has no time limit: only the drain end bounds a handler.
call& h1_connection::begin_call(const handler* h) {
  const bool wants_context = h && h->wants_context();
  if (h && h->route_options().long_lived && !long_lived_) {
    long_lived_ = true;
    become(net::connection_kind::events);
  }
  call_ = &shard_.coroutines().borrow();
  call_->begin(*this, *exchange_, h ? &h->erased() : nullptr, remote(), wants_context ? &shard_.life() : nullptr,
               long_lived_);
  request_access::remote(exchange_->req, &call_->remote());
  enter(working_state(), time_point::max());  // no limit but the drain end
  if (h && h->route_options().gone_at_fin && remote_is_ending())
    call_->client_gone();  // the FIN came together with the request
  return *call_;
}

/// The call lives on while the handler, a thread or a responder has a reference.
void h1_connection::end_call() noexcept {
  if (!call_) return;
  call& c = *std::exchange(call_, nullptr);
  in_coroutine_ ? c.detach_within_coroutine() : c.detach(nullptr, cause::none);
}

/// An answer from the call. Outside of a wake it has an output buffer of its own, so that answers of another
/// connection, in whose wake a handler may run, do not mix with it.
void h1_connection::take_answer(response&& r) noexcept {
  if (in_coroutine_) {  // go_on() is on the stack, and sends it
    try {
      return answered(std::move(r));
    } catch (const std::exception&) {  // out of memory
      return end(connection_end::forced);
    }
  }
  const detail::shard::separate_output separate(shard_);
  set().loop().refresh_now();
  if (shard_.service().life.forced())
    farewell_as_ = connection_end::forced;  // the drain end has passed: counts as forced
  caller_continues_ = true;
  try {
    answered(std::move(r));
  } catch (const std::exception&) {  // out of memory
    end(connection_end::forced);
  }
  caller_continues_ = false;
  flush();
  resume();
}

}  // namespace lastcall::inline v0::http::detail
