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
constexpr std::size_t most_trailers = 16 * 1024;  // of a request, as body_reader has it
constexpr input gone{.what = input::kind::failed, .why = "the client has gone"};
}  // namespace

h2_stream::h2_stream(h2_connection& of, std::int32_t id)
    : of_(of),
      id_(id),
      exchange_(&of.shard().borrow()),
      head_(exchange_->input.memory(), exchange_->req, of.shard().service().limits) {
  exchange& x = *exchange_;
  x.info = {};
  x.in_pieces = true;  // whatever of it streams
  x.found = {};
  x.records.begin(of.now());
  x.read_by = of.now() + of.shard().service().limits.head_time;
  of.shard().begun.add();
}

h2_stream::~h2_stream() {
  if (exchange_) of_.shard().give_back(*exchange_);
}

void h2_stream::field(std::string_view name, std::string_view value) { head_.add(name, value); }

/// To be answered like this; its body, if there is one, is not wanted any more. Always true.
bool h2_stream::refuse(int status, const char* why) noexcept {
  refuse_status_ = status;
  refuse_why_ = why;
  return true;
}

bool h2_stream::head(bool ended) {
  exchange& x = *exchange_;
  const service& of = of_.shard().service();
  head_is_here_ = true;
  request_over_ = ended;
  const h2_verdict verdict = head_.finish(ended, x.info);
  x.input.received(head_.size());
  x.input.head_is(head_.size());
  request_access::remote(x.req, &of_.remote());
  request_access::tls(x.req, of_.tls_peer_at_hand());
  if (verdict.what == h2_verdict::kind::malformed) {
    recorded_ = true;
    x.records.responded(of.access_log, &x.req, of_.remote(), 400, 0, request_end::rejected);
    of_.shard().rejected.add();
    as_ = request_end::rejected;
    decided_ = asked_ = recorded_ = true;
    of_.session().reset(id_, h2_error::protocol);
    return false;
  }
  if (verdict.what == h2_verdict::kind::refused) return refuse(verdict.status, verdict.why);
  give_id();
  x.found = of.routes.match(x.req);
  if (ended) return true;
  const handler* h = x.found.handle;
  if (!h) return true;  // nobody wants the body
  const std::uint64_t limit = h->route_options().max_body.value_or(of.limits.body_bytes);
  if (x.info.content_length.value_or(0) > limit) return refuse(413, "body too large");
  if (h->streams_body()) {
    x.in.owes_continue = x.info.expect_continue;
    return true;
  }
  if (x.info.expect_continue) of_.session().respond_continue(id_);
  x.read_by = of_.now() + of.limits.body_time;
  return false;
}

bool h2_stream::data(std::string_view bytes) {
  const std::size_t size = bytes.size();
  if (!exchange_ || refuse_status_ != 0 || output_ended_ || !exchange_->found.handle ||
      exchange_->in.status != 0) {  // nobody wants it
    of_.session().consume(id_, size);
    return false;
  }
  exchange& x = *exchange_;
  const handler& h = *x.found.handle;
  x.in.received += size;
  if (x.in.received > h.route_options().max_body.value_or(of_.shard().service().limits.body_bytes)) {
    of_.session().consume(id_, size);
    if (!h.streams_body()) return refuse(413, "body too large");
    x.in.status = 413;
    x.in.why = "body too large";
    input_is_here();
    return false;
  }
  if (h.streams_body()) {
    pending_.append(bytes);  // no more of it than the window is large
    input_is_here();
  } else {
    x.body.append(bytes);
    of_.session().consume(id_, size);
  }
  return false;
}

void h2_stream::trailer(std::string_view name, std::string_view value) {
  if (trailers_in_.size() + name.size() + value.size() > most_trailers) return;
  trailers_in_.append(name).append(":").append(trimmed(value)).append("\n");
}

bool h2_stream::ended() {
  request_over_ = true;
  if (asked_) {
    input_is_here();
    return false;
  }
  return exchange_ && refuse_status_ == 0;
}

void h2_stream::answer() {
  if (!exchange_ || asked_) return;
  asked_ = true;
  if (refuse_status_ != 0) {
    std::string line = std::to_string(refuse_status_);
    line.append(" ").append(reason_phrase(refuse_status_)).append(": ").append(refuse_why_).append("\n");
    return reject(text(std::move(line), refuse_status_));
  }
  answer_request();
}

detail::shard& h2_stream::shard() const noexcept { return of_.shard(); }

call& h2_stream::begin_call(const handler* h) {
  const bool wants_context = h && h->wants_context();
  long_lived_ = long_lived_ || (h && h->route_options().long_lived);
  call_ = &of_.shard().coroutines().borrow();
  call_->begin(*this, *exchange_, h ? &h->erased() : nullptr, of_.remote(),
               wants_context ? &of_.shard().life() : nullptr, long_lived_);
  if (of_.was_told()) told();
  request_access::remote(exchange_->req, &call_->remote());
  if (h && h->route_options().gone_at_fin && of_.remote_ends()) call_->client_gone();
  return *call_;
}

void h2_stream::told() noexcept {
  if (!long_lived_) return;
  progress_ = of_.now();  // from here on it has told_write_time
  if (call_) call_->told(of_.shard().life().drain_end());
}

void h2_stream::end_call() noexcept {
  if (!call_) return;
  std::exchange(call_, nullptr)->let_go(nullptr, cause::none);
}

void h2_stream::sent() noexcept {
  if (!exchange_) return;
  detail::shard& on = of_.shard();
  const bool forced = as_ == request_end::forced;
  if (!decided_) (forced ? on.forced : on.answered).add();
  decided_ = true;
  of_.session().consume_connection(pending_.size());  // what its handler did not take
  pending_.clear();
  exchange_->records.sent(on.service().access_log, on.stats, of_.now(), forced);
  on.give_back(*std::exchange(exchange_, nullptr));
}

void h2_stream::cut(request_end as) noexcept {
  if (!exchange_) return;
  detail::shard& on = of_.shard();
  exchange_->records.cut(on.service().access_log, !recorded_, head_is_here_ ? &exchange_->req : nullptr, of_.remote(),
                         of_.now(), as);
  if (!decided_)
    (as == request_end::forced ? on.forced : as == request_end::rejected ? on.rejected : on.abandoned).add();
  decided_ = true;
  of_.session().consume_connection(pending_.size());
  pending_.clear();
  if (call_) {
    const cause why = as == request_end::forced ? cause::forced : cause::client_gone;
    std::exchange(call_, nullptr)->let_go(std::exchange(exchange_, nullptr), why);
  } else {
    on.give_back(*std::exchange(exchange_, nullptr));
  }
}

bool h2_stream::input_is_over() noexcept {
  if (!exchange_) return false;
  if (long_lived_) return false;  // its client waits for nothing that could still come to an end
  if (call_ && exchange_->found.handle && exchange_->found.handle->route_options().gone_at_fin) call_->client_gone();
  return request_over_ || body_open_ || (asked_ && !call_);
}

input h2_stream::next_input() noexcept {
  const h2_connection::entry now(of_);
  exchange& x = *exchange_;
  x.in.waiting = false;
  x.body.clear();
  if (x.in.status != 0) return {.what = input::kind::failed, .status = x.in.status, .why = x.in.why};
  if (!pending_.empty()) {
    x.body.swap(pending_);
    of_.session().consume(id_, x.body.size());
    return {.what = input::kind::piece, .bytes = x.body};
  }
  if (request_over_) {
    if (!trailers_in_.empty()) x.trailers.swap(trailers_in_);
    return {.what = input::kind::end};
  }
  if (of_.input_is_over() || of_.ended()) return gone;
  if (std::exchange(x.in.owes_continue, false)) of_.session().respond_continue(id_);
  return wait_for_input();
}

input h2_stream::wait_for_input() noexcept {
  exchange& x = *exchange_;
  x.in.waiting = true;
  x.in.waits_since = of_.refresh_now();
  const duration may_take = of_.shard().service().limits.body_time +
                            std::chrono::seconds(x.in.received / least_bytes_per_second) - x.in.waited;
  x.read_by = x.in.waits_since + std::max(may_take, duration::zero());
  return {.what = input::kind::wait};
}

/// Bytes came, or the end of the body, or the time for them is over, while a call is at work.
void h2_stream::input_is_here() noexcept {
  if (!exchange_ || !call_ || !std::exchange(exchange_->in.waiting, false)) return;
  exchange_->in.waited += of_.now() - exchange_->in.waits_since;
  call_->wake_input();
}

time_point h2_stream::due() const noexcept {
  if (!exchange_ || output_ended_) return time_point::max();
  if (!asked_ && refuse_status_ == 0) return exchange_->read_by;
  if (exchange_->in.waiting) return exchange_->read_by;
  // Here until it has been handed to the session, which waits for the client's window.
  if (body_open_ && (out_whole_ || exchange_->out.file || !out_.empty())) return progress_ + write_time();
  return time_point::max();
}

duration h2_stream::write_time() const noexcept {
  return long_lived_ && of_.was_told() ? of_.shard().told_write_time(progress_)
                                       : of_.shard().service().limits.write_time;
}

void h2_stream::overdue() noexcept {
  exchange& x = *exchange_;
  if (asked_ && x.in.waiting) {
    x.in.status = 408;
    x.in.why = "the body took too long";
    return input_is_here();
  }
  if (asked_) {
    // Others of its connection had their turn: the client is slow, and does not stand still.
    if (const time_point moved = of_.moved(); moved > progress_ && of_.session().has_window(id_)) {
      progress_ = moved;
      return;
    }
    progress_ = of_.now();
    if (long_lived_ && of_.was_told()) of_.timed_out();
    return of_.session().reset(id_, h2_error::cancel);
  }
  if (!head_is_here_) {  // nothing can be said on a stream whose head is still coming: nothing else can come, either
    x.records.cut(of_.shard().service().access_log, true, nullptr, of_.remote(), of_.now(), request_end::rejected);
    of_.shard().rejected.add();
    decided_ = asked_ = recorded_ = true;
    return of_.session().terminate(h2_error::protocol);
  }
  refuse(408, "the body took too long");
  try {
    answer();
  } catch (const std::exception&) {  // out of memory
    of_.give_up();
  }
}

std::string h2_stream::label() const {
  if (!exchange_ || !head_is_here_) return "a request that is not complete";
  const request& r = exchange_->req;
  constexpr std::size_t shown = 120;
  const bool cut = r.target().size() > shown;
  return std::string(r.method()).append(" ").append(r.target().substr(0, shown)).append(cut ? "..." : "");
}

}  // namespace lastcall::inline v0::http::detail
