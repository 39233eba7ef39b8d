// The part of h1_connection that takes the answer to a request, or makes one in the place of its handler.
#include <algorithm>
#include <exception>
#include <utility>

#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

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

void h1_connection::reject(const response& r) {
  append(r);
  exchange_->records.responded(shard_.service().access_log, &exchange_->req, remote(), r.status(), r.body().size(),
                               request_end::rejected);
  shard_.rejected.add();
  finish_request();
}

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

void h1_connection::refuse(int status, std::string_view why, request_end as) {
  // Also of a head that could not be read, as far as it can be told.
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
  enter(working_state(), time_point::max());  // bounded by the drain end alone
  if (h && h->route_options().gone_at_fin && remote_is_ending()) call_->client_gone();  // it came with the request
  return *call_;
}

void h1_connection::end_call() noexcept {
  if (!call_) return;
  call& c = *std::exchange(call_, nullptr);
  in_coroutine_ ? c.detach_within_coroutine() : c.detach(nullptr, cause::none);
}

void h1_connection::take_answer(response&& r) noexcept {
  if (in_coroutine_) {  // answer_request() goes on with it
    try {
      return answered(std::move(r));
    } catch (const std::exception&) {  // out of memory
      return end(connection_end::forced);
    }
  }
  const detail::shard::separate_output separate(shard_);
  set().loop().refresh_now();
  if (shard_.service().life.forced()) farewell_as_ = connection_end::forced;  // last words, not an answer in time
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
