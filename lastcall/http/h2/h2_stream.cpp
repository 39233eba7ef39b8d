// How an HTTP/2 stream takes its request, and how it ends.
//
// The steps of a stream: fields arrive, then head(): the route is found or the request refused. Then data() collects
// the body, or keeps it for a handler that reads in pieces. answer() runs once, when the connection calls it. The
// stream ends with sent() or cut(); after that exchange_ is null, and late events do nothing.
//
// Ownership: the exchange is borrowed from the shard. cut() gives it to the call if a handler still reads the request.
//
// Flow control: consume() lets the client send more. A handler's unread bytes are not consumed (back-pressure).
#include "lastcall/http/h2/h2_stream.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "lastcall/http/h2/h2_connection.hpp"
#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/status.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t most_trailers = 16 * 1024;  // bytes of a request's trailers: the limit of body_reader
constexpr input_result gone{.what = input_result::kind::failed, .why = "the client has gone"};
}  // namespace

h2_stream::h2_stream(h2_connection& c, std::int32_t id)
    : connection_(c),
      id_(id),
      exchange_(&c.shard().borrow()),
      head_(exchange_->input.memory(), exchange_->req, c.shard().service().limits) {
  exchange& x = *exchange_;
  x.info = {};
  x.in_pieces = true;  // next() has to clear both directions
  x.found = {};
  x.records.begin(c.now());
  x.read_by = c.now() + c.shard().service().limits.head_time;
  c.shard().begun.add();
}

h2_stream::~h2_stream() {
  if (exchange_) connection_.shard().give_back(*exchange_);
}

void h2_stream::field(std::string_view name, std::string_view value) { head_.add(name, value); }

/// Sets the answer in the place of the handler. A body that follows is discarded. Always true, for the caller to
/// return.
bool h2_stream::refuse(int status, const char* why) noexcept {
  refuse_status_ = status;
  refuse_why_ = why;
  return true;
}

/// All fields are here. True: there is nothing to wait for, or the handler reads the body itself.
bool h2_stream::head(bool ended) {
  exchange& x = *exchange_;
  const service& service = connection_.shard().service();
  head_complete_ = true;
  request_complete_ = ended;
  const h2_verdict verdict = head_.finish(ended, x.info);
  x.input.received(head_.size());
  x.input.head_is(head_.size());
  request_access::remote(x.req, &connection_.remote());
  request_access::tls(x.req, connection_.tls_peer_at_hand());
  if (verdict.what == h2_verdict::kind::malformed) {
    recorded_ = true;
    x.records.responded(service.access_log, &x.req, connection_.remote(), 400, 0, request_end::rejected);
    connection_.shard().rejected.add();
    ended_as_ = request_end::rejected;
    counted_ = answer_begun_ = recorded_ = true;
    connection_.session().reset(id_, h2_error::protocol);
    return false;
  }
  if (verdict.what == h2_verdict::kind::refused) return refuse(verdict.status, verdict.why);
  give_id();
  x.found = service.routes.match(x.req);
  if (ended) return true;
  const handler* h = x.found.handle;
  if (!h) return true;  // no route wants the body
  const std::uint64_t limit = h->route_options().max_body.value_or(service.limits.body_bytes);
  if (x.info.content_length.value_or(0) > limit) return refuse(413, "body too large");
  if (h->streams_body()) {
    x.incoming.owes_continue = x.info.expect_continue;
    return true;
  }
  if (x.info.expect_continue) connection_.session().respond_continue(id_);
  x.read_by = connection_.now() + service.limits.body_time;
  return false;
}

/// Bytes of the body. Their number counts, not Content-Length: nghttp2 has compared both.
bool h2_stream::data(std::string_view bytes) {
  const std::size_t size = bytes.size();
  if (!exchange_ || refuse_status_ != 0 || output_ended_ || !exchange_->found.handle ||
      exchange_->incoming.status != 0) {  // no handler wants it: the client's window must not shrink for it
    connection_.session().consume(id_, size);
    return false;
  }
  exchange& x = *exchange_;
  const handler& h = *x.found.handle;
  x.incoming.received += size;
  if (x.incoming.received > h.route_options().max_body.value_or(connection_.shard().service().limits.body_bytes)) {
    connection_.session().consume(id_, size);
    if (!h.streams_body()) return refuse(413, "body too large");
    x.incoming.status = 413;
    x.incoming.why = "body too large";
    input_is_here();
    return false;
  }
  if (h.streams_body()) {
    unread_body_.append(bytes);  // bounded by the stream's window
    input_is_here();
  } else {
    x.body.append(bytes);
    connection_.session().consume(id_, size);
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
  request_complete_ = true;
  if (answer_begun_) {
    input_is_here();
    return false;
  }
  return exchange_ && refuse_status_ == 0;
}

/// May run a handler, and that may end the connection.
void h2_stream::answer() {
  if (!exchange_ || answer_begun_) return;
  answer_begun_ = true;
  if (refuse_status_ != 0) {
    std::string line = std::to_string(refuse_status_);
    line.append(" ").append(reason_phrase(refuse_status_)).append(": ").append(refuse_why_).append("\n");
    return reject(text(std::move(line), refuse_status_));
  }
  answer_request();
}

detail::shard& h2_stream::shard() const noexcept { return connection_.shard(); }

/// For everything but a plain handler.
call& h2_stream::begin_call(const handler* h) {
  const bool wants_context = h && h->wants_context();
  long_lived_ = long_lived_ || (h && h->route_options().long_lived);
  call_ = &connection_.shard().coroutines().borrow();
  call_->begin(*this, *exchange_, h ? &h->erased() : nullptr, connection_.remote(),
               wants_context ? &connection_.shard().life() : nullptr, long_lived_);
  if (connection_.was_told()) told();
  request_access::remote(exchange_->req, &call_->remote());
  if (h && h->route_options().gone_at_fin && connection_.remote_ends()) call_->client_gone();
  return *call_;
}

void h2_stream::told() noexcept {
  if (!long_lived_) return;
  last_progress_ = connection_.now();  // told_write_time counts from here
  if (call_) call_->begin_drain(connection_.shard().life().drain_end());
}

/// The call lives on while the handler, a thread or a responder has a reference.
void h2_stream::end_call() noexcept {
  if (!call_) return;
  std::exchange(call_, nullptr)->detach(nullptr, cause::none);
}

/// The ledger and the access log get their entries here, or in cut(); never in both.
void h2_stream::sent() noexcept {
  if (!exchange_) return;
  detail::shard& shard = connection_.shard();
  const bool forced = ended_as_ == request_end::forced;
  if (!counted_) (forced ? shard.forced : shard.answered).add();
  counted_ = true;
  connection_.session().consume_connection(unread_body_.size());  // bytes that the handler did not read
  unread_body_.clear();
  exchange_->records.sent(shard.service().access_log, shard.stats, connection_.now(), forced);
  shard.give_back(*std::exchange(exchange_, nullptr));
}

/// The request goes to the call if a handler still reads it.
void h2_stream::cut(request_end as) noexcept {
  if (!exchange_) return;
  detail::shard& shard = connection_.shard();
  exchange_->records.cut(shard.service().access_log, !recorded_, head_complete_ ? &exchange_->req : nullptr,
                         connection_.remote(), connection_.now(), as);
  if (!counted_)
    (as == request_end::forced ? shard.forced : as == request_end::rejected ? shard.rejected : shard.abandoned).add();
  counted_ = true;
  connection_.session().consume_connection(unread_body_.size());
  unread_body_.clear();
  if (call_) {
    const cause why = as == request_end::forced ? cause::forced : cause::client_gone;
    std::exchange(call_, nullptr)->detach(std::exchange(exchange_, nullptr), why);
  } else {
    shard.give_back(*std::exchange(exchange_, nullptr));
  }
}

/// Tells a handler that asked for gone_at_fin.
bool h2_stream::input_is_over() noexcept {
  if (!exchange_) return false;
  if (long_lived_) return false;  // its response has no end that a client could wait for
  if (call_ && exchange_->found.handle && exchange_->found.handle->route_options().gone_at_fin) call_->client_gone();
  return request_complete_ || body_open_ || (answer_begun_ && !call_);
}

/// The next piece for the handler. It is valid until the next call.
input_result h2_stream::next_input() noexcept {
  const h2_connection::output_scope scope(connection_);
  exchange& x = *exchange_;
  x.incoming.waiting = false;
  x.body.clear();
  if (x.incoming.status != 0)
    return {.what = input_result::kind::failed, .status = x.incoming.status, .why = x.incoming.why};
  if (!unread_body_.empty()) {
    x.body.swap(unread_body_);
    connection_.session().consume(id_, x.body.size());
    return {.what = input_result::kind::piece, .bytes = x.body};
  }
  if (request_complete_) {
    if (!trailers_in_.empty()) x.trailers.swap(trailers_in_);
    return {.what = input_result::kind::end};
  }
  if (connection_.input_is_over() || connection_.ended()) return gone;
  if (std::exchange(x.incoming.owes_continue, false)) connection_.session().respond_continue(id_);
  return wait_for_input();
}

/// The client has body_time in all, and one second more for each 16 KiB that it has sent.
input_result h2_stream::wait_for_input() noexcept {
  exchange& x = *exchange_;
  x.incoming.waiting = true;
  x.incoming.waits_since = connection_.refresh_now();
  const duration may_take = connection_.shard().service().limits.body_time +
                            std::chrono::seconds(x.incoming.received / least_bytes_per_second) - x.incoming.waited;
  x.read_by = x.incoming.waits_since + std::max(may_take, duration::zero());
  return {.what = input_result::kind::wait};
}

/// Input arrived, the body ended, or the time is over: wakes the handler that waits for it.
void h2_stream::input_is_here() noexcept {
  if (!exchange_ || !call_ || !std::exchange(exchange_->incoming.waiting, false)) return;
  exchange_->incoming.waited += connection_.now() - exchange_->incoming.waits_since;
  call_->wake_input();
}

/// One limit at a time: head and body, then the handler's wait for input, then the client's wait for output. A handler
/// that works has none.
time_point h2_stream::due() const noexcept {
  if (!exchange_ || output_ended_) return time_point::max();
  if (!answer_begun_ && refuse_status_ == 0) return exchange_->read_by;
  if (exchange_->incoming.waiting) return exchange_->read_by;
  // Output that waits for the client's window.
  if (body_open_ && (output_complete_ || exchange_->outgoing.file || !output_.empty()))
    return last_progress_ + write_time();
  return time_point::max();
}

duration h2_stream::write_time() const noexcept {
  return long_lived_ && connection_.was_told() ? connection_.shard().told_write_time(last_progress_)
                                               : connection_.shard().service().limits.write_time;
}

/// The client was too slow. What that means depends on what the stream waits for: input, output, the head, or the body.
void h2_stream::overdue() noexcept {
  exchange& x = *exchange_;
  if (answer_begun_ && x.incoming.waiting) {
    x.incoming.status = 408;
    x.incoming.why = "the body took too long";
    return input_is_here();
  }
  if (answer_begun_) {
    // The client took bytes of other streams meanwhile: it is slow, and it does receive.
    if (const time_point other = connection_.last_progress();
        other > last_progress_ && connection_.session().has_window(id_)) {
      last_progress_ = other;
      return;
    }
    last_progress_ = connection_.now();
    if (long_lived_ && connection_.was_told()) connection_.timed_out();
    return connection_.session().reset(id_, h2_error::cancel);
  }
  if (!head_complete_) {  // no other frame may come between the frames of a head: the whole connection waits
    x.records.cut(connection_.shard().service().access_log, true, nullptr, connection_.remote(), connection_.now(),
                  request_end::rejected);
    connection_.shard().rejected.add();
    counted_ = answer_begun_ = recorded_ = true;
    return connection_.session().terminate(h2_error::protocol);
  }
  refuse(408, "the body took too long");
  try {
    answer();
  } catch (const std::exception&) {  // out of memory
    connection_.end_out_of_memory();
  }
}

std::string h2_stream::label() const {
  if (!exchange_ || !head_complete_) return "a request that is not complete";
  const request& r = exchange_->req;
  constexpr std::size_t shown = 120;
  const bool cut = r.target().size() > shown;
  return std::string(r.method()).append(" ").append(r.target().substr(0, shown)).append(cut ? "..." : "");
}

}  // namespace lastcall::inline v0::http::detail
