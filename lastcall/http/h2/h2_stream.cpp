// How an HTTP/2 stream takes its request, and how it ends.
//
// The steps of a stream: fields arrive, then head(): the route is found or the request refused. Then data() collects
// the body, or keeps it for a handler that reads in pieces. answer() runs once, when the connection calls it. The
// stream ends with sent() or cut_short(); after that exchange_ is null, and late events do nothing.
//
// Ownership: the exchange is borrowed from the shard. cut_short() gives it to the call if a handler still reads it.
//
// Flow control: consume() lets the client send more. A handler's unread bytes are not consumed (back-pressure).
#include "lastcall/http/h2/h2_stream.hpp"

#include <algorithm>
#include <utility>

#include "lastcall/http/h2/h2_connection.hpp"
#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/requests/call_waiter.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t most_trailers = 16 * 1024;  // bytes of a request's trailers: the limit of body_reader
/// After an early answer. RFC 9113 section 8.1 allows a reset at once, but some clients then lose the answer, which
/// they have not read yet: curl 7.88, for one.
constexpr duration rest_pause = std::chrono::seconds(1);
constexpr server_refusal body_too_large{413, "body too large"};
constexpr input_result gone{.what = input_result::kind::failed, .why = client_has_gone};
}  // namespace

h2_stream::h2_stream(h2_connection& c, std::int32_t id)
    : answer_path(c.shard()),
      connection_(c),
      id_(id),
      head_(borrow_exchange().input.memory(), borrow_exchange().req, service().limits) {
  exchange& x = *exchange_;
  x.info = {};
  x.in_pieces = true;  // next() has to clear both directions
  x.found = {};
  x.records.begin(now());
  x.pacing.begin(now(), service().limits.head_time);
  shard_.begun.add();
}

const net::endpoint& h2_stream::client() const noexcept { return connection_.remote(); }
bool h2_stream::client_ends() const noexcept { return connection_.remote_ends(); }
void h2_stream::answers_after_force() noexcept {
  after_force_ = true;
  connection_.ends_by_force();
}

void h2_stream::field(std::string_view name, std::string_view value) { head_.add(name, value); }

/// All fields are here. True: there is nothing to wait for, or the handler reads the body itself.
bool h2_stream::head(bool ended) {
  exchange& x = *exchange_;
  request_ = ended ? request_part::over : request_part::body;
  const h2_verdict verdict = head_.finish(ended, x.info);
  x.input.received(head_.size());
  request_access::remote(x.req, &connection_.remote());
  request_access::tls(x.req, connection_.tls_peer_at_hand());
  if (verdict.what == h2_verdict::kind::malformed) {
    x.records.responded(service().access_log, nullptr, client(), verdict.status, 0, request_end::rejected);
    response_made(request_end::rejected);
    response_ = response_part::begun;
    connection_.session().reset(id_, h2_error::protocol);
    return false;
  }
  if (verdict.what == h2_verdict::kind::refused) return refuse_later({verdict.status, verdict.why});
  x.input.head_is(head_.size());
  give_id();
  x.found = service().routes.match(x.req);
  if (ended) return true;
  if (!found_handler()) return true;  // no route wants the body
  if (x.info.content_length.value_or(0) > body_limit()) return refuse_later(body_too_large);
  if (streams_body()) {
    x.incoming.owes_continue = x.info.expect_continue;
    return true;
  }
  if (x.info.expect_continue) connection_.session().respond_continue(id_);
  x.pacing.collect(now(), service().limits.body_time);
  return false;
}

/// Bytes of the body. Their number counts, not Content-Length: nghttp2 has compared both.
bool h2_stream::data(std::string_view bytes) {
  const std::size_t size = bytes.size();
  const auto consumed = [&] { connection_.session().consume(id_, size); };
  // If no handler wants it, the client's window must not shrink for it all the same.
  if (!exchange_ || refused_ || response_ended() || !found_handler() || exchange_->incoming.status != 0 ||
      (at_work() && !streams_body())) {
    if (response_ended()) last_progress_ = now();
    return consumed(), false;
  }
  exchange& x = *exchange_;
  x.pacing.came(size, now());
  if (x.pacing.received() > body_limit()) {
    consumed();
    if (!streams_body()) return refuse_later(body_too_large);
    fail_input(body_too_large.status, body_too_large.why);
  } else if (streams_body()) {
    unread_body_.append(bytes);  // bounded by the stream's window
    input_is_here();
  } else {
    x.body.append(bytes);
    consumed();
  }
  return false;
}

/// Kept until the handler has read the whole body. What exceeds the limit is dropped.
void h2_stream::trailer(std::string_view name, std::string_view value) {
  if (trailers_in_.size() + name.size() + value.size() > most_trailers) return;
  trailers_in_.append(name).append(":").append(trimmed(value)).append("\n");
}

/// The request is complete. A buffered request can be answered now.
bool h2_stream::ended() {
  request_ = request_part::over;
  if (!at_work()) return exchange_ && !refused_;
  input_is_here();
  return false;
}

/// May run a handler, and that may end the connection.
void h2_stream::answer() {
  if (!exchange_ || at_work()) return;
  response_ = response_part::begun;
  refused_ ? refuse(*refused_) : answer_request();
}

void h2_stream::call_begun() noexcept {
  if (connection_.was_told()) told();
}

void h2_stream::told() noexcept {
  if (long_lived_) last_progress_ = now();  // told_write_time counts from here
  tell_drain();
}

/// The ledger and the access log get their entries here, or in cut_short(); never in both.
void h2_stream::sent() noexcept {
  if (!exchange_) return;
  if (ledger_ == ledger::made) (after_force_ ? shard_.forced : shard_.answered).add();
  ledger_ = ledger::counted;
  connection_.session().consume_connection(unread_body_.size());  // bytes that the handler did not read
  unread_body_.clear();
  exchange_->records.sent(service().access_log, shard_.stats, now(), after_force_);
  drop_exchange();
}

/// The stream's end comes with on_close(), and counts as broken.
void h2_stream::lost() noexcept {
  if (exchange_)
    service().log.error(service().name, "a response was cut",
                        {{"target", exchange_->req.target()}, {"cause", "HTTP/2 can't send its head or trailers"}});
  connection_.session().reset(id_, h2_error::internal);
}

void h2_stream::cut_short(request_end as) noexcept {
  if (!exchange_) return;
  if (ledger_ < ledger::counted) shard_.column(as).add();
  connection_.session().consume_connection(unread_body_.size());
  unread_body_.clear();
  cut(as, std::exchange(ledger_, ledger::counted) == ledger::open);
}

/// Tells a handler that asked for gone_at_fin.
bool h2_stream::input_is_over() noexcept {
  if (!exchange_) return false;
  if (long_lived_) return false;  // its response has no end that a client could wait for
  if (call_ && found_handler() && found_handler()->options().gone_at_fin) call_->client_gone();
  return request_ == request_part::over || has_body() || (at_work() && !call_);
}

input_result h2_stream::next_input() noexcept {
  const h2_connection::output_scope scope(connection_);
  return next_piece();
}

input_result h2_stream::pull_input() noexcept {
  exchange& x = *exchange_;
  if (!unread_body_.empty()) {
    x.body.swap(unread_body_);
    connection_.session().consume(id_, x.body.size());
    return {.what = input_result::kind::piece, .bytes = x.body};
  }
  if (request_ == request_part::over) {
    if (!trailers_in_.empty()) x.trailers.swap(trailers_in_);
    return {.what = input_result::kind::end};
  }
  if (connection_.input_is_over() || connection_.ended()) return gone;
  if (std::exchange(x.incoming.owes_continue, false)) connection_.session().respond_continue(id_);
  return {.what = input_result::kind::wait};
}

/// One limit at a time: head and body, then the handler's wait for input, then the client's wait for output. A handler
/// that works has none.
time_point h2_stream::due() const noexcept {
  if (response_ended()) return answered_early() ? std::min(last_progress_ + rest_pause, rest_end_) : time_point::max();
  if (!exchange_) return time_point::max();
  if (waits_for_client()) return exchange_->pacing.due();
  // Output that waits for the client's window.
  if (has_body() && (response_ == response_part::whole || exchange_->outgoing.file || !output_.empty()))
    return last_progress_ + write_time();
  return time_point::max();
}

bool h2_stream::waits_for_client() const noexcept {
  if (response_ended()) return answered_early();
  return exchange_ && ((!at_work() && !refused_) || exchange_->pacing.waiting());
}

duration h2_stream::write_time() const noexcept {
  return long_lived_ && connection_.was_told() ? shard_.told_write_time(last_progress_) : service().limits.write_time;
}

void h2_stream::timed_out() noexcept {
  if (response_ended()) return connection_.session().reset(id_, h2_error::none);
  exchange& x = *exchange_;
  if (!waits_for_client()) {
    // The client took bytes of other streams meanwhile: it is slow, and it does receive.
    if (const time_point other = connection_.last_progress();
        other > last_progress_ && connection_.session().has_window(id_)) {
      last_progress_ = other;
      return;
    }
    last_progress_ = now();
    if (long_lived_ && connection_.was_told()) connection_.timed_out();
    return connection_.session().reset(id_, h2_error::cancel);
  }
  if (request_ ==
      request_part::head) {  // no other frame may come between the frames of a head: the whole connection waits
    x.records.cut(service().access_log, true, nullptr, client(), now(), request_end::rejected);
    response_made(request_end::rejected);
    response_ = response_part::begun;
    return connection_.session().terminate(h2_error::protocol);
  }
  response_ = std::max(response_, response_part::begun);
  connection_.within_memory([this] { overdue(); });
}

}  // namespace lastcall::inline v0::http::detail
