#include "lastcall/http/h1/h1_connection.hpp"

#include <algorithm>
#include <exception>
#include <memory>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr int reads_per_wake = 8;     // then the others of the loop have their turn
constexpr int answers_per_wake = 16;  // of one pipeline, likewise
constexpr std::size_t kept_unsent_bytes = 4096;
constexpr std::size_t gathered_bytes = 256 * 1024;  // of a pipeline's responses; more are made once these are sent
}  // namespace

h1_connection::h1_connection(detail::shard& on, net::unique_fd socket, const net::endpoint& remote,
                             bool refusing) noexcept
    : connection(on.set(), std::move(socket), remote, net::connection_kind::http1), shard_(on), refusing_(refusing) {
  enter(connection_state::fresh, loop_now() + on.service().limits.head_time);
}

h1_connection::~h1_connection() { drop_exchange(); }

void h1_connection::on_open() noexcept {
  if (agreed_protocol() == "h2") return become_http2();
  enter(connection_state::fresh, loop_now() + shard_.service().limits.head_time);
  on_readable();
}

std::string_view h1_connection::answer_to_plain_http() const noexcept {
  return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 47\r\n"
         "Connection: close\r\n\r\nthis port speaks TLS only; use https:// for it\n";
}

void h1_connection::on_readable() noexcept {
  readable_ = true;
  if (call_) return input_is_here();
  if (more_ || !may_read()) return;  // one request at a time; what waits stays in the kernel
  for (int i = 0; i < reads_per_wake; ++i) {
    if (!exchange_) exchange_ = &shard_.borrow();
    const std::span<char> room = exchange_->room();
    const net::io_result read = receive(room.data(), room.size());
    if (read.end != net::io_end::open) {
      if (in_batch_) shard_.batched_writes().send();
      if (!unsent_.empty()) return;  // the end is met again once it has all
      return end_by(read.end);
    }
    if (!read.would_block) {
      exchange_->end += read.bytes;
      if (state() == connection_state::fresh && begins_http2()) {
        if (exchange_->unread().size() < shard_.service().http2->preface.size()) continue;
        return become_http2();
      }
      go_on();
      if (!may_read()) return;
      if (more_) return rearm();
      if (read.bytes == room.size() || remote_is_ending()) continue;
    }
    readable_ = false;
    if (state() == connection_state::fresh && begins_http2()) return;
    return settle();
  }
  settle();
  rearm();
}

/// Whether what is here is the preface of HTTP/2, or a part of it that is nothing else.
bool h1_connection::begins_http2() {
  if (!shard_.service().h2c || !exchange_) return false;
  const std::string_view preface = shard_.service().http2->preface;
  const std::string_view here = exchange_->unread().substr(0, preface.size());
  return here.size() >= 3 && preface.starts_with(here);
}

void h1_connection::become_http2() noexcept {
  if (refusing_) {
    shard_.out() += shard_.service().http2->turned_away;
    closing_ = true;
    return flush();
  }
  try {
    std::string received(exchange_ ? exchange_->unread() : std::string_view());
    drop_exchange();
    set().replace(*this, shard_.service().http2->replacement(shard_, *this, std::move(received)));
  } catch (const std::exception&) {  // out of memory
    end(connection_end::forced);
  }
}

void h1_connection::go_on() noexcept {
  if (in_batch_) shard_.batched_writes().send();  // what follows goes behind it
  more_ = false;
  entered_ = true;
  try {
    for (int answers = 1; may_read() && !closing_ && read_head() && read_body(); ++answers) {
      answer_request();
      more_ = answers == answers_per_wake && exchange_;
      if (more_) break;
      if (shard_.out().size() >= gathered_bytes) flush();
    }
  } catch (const std::exception& error) {  // out of memory: nothing else throws here
    shard_.service().log.error(shard_.service().name, "a connection was cut", {{"why", error.what()}});
    end(connection_end::forced);
  }
  entered_ = false;
  if (!put_in_batch()) flush();
}

/// A single short answer, after which the connection has nothing to do but to wait, goes out with those of others.
bool h1_connection::put_in_batch() noexcept {
  std::string& out = shard_.out();
  if (!shard_.batched_writes().open() || unflushed_ != 1 || out.empty() || out.size() > batched_writes::most_bytes ||
      closing_ || call_ || draining() || !unsent_.empty() || sending_body() || state() == connection_state::closed ||
      !exchange_)
    return false;
  const auto response = exchange_->records.hand_out(shard_.service().access_log);
  if (!response) return false;
  in_batch_ = true;
  close_at_.reset();
  if (!shard_.batched_writes().put(*this, out, response->begun, response->status))
    send_batched(out, response->begun, response->status);
  out.clear();
  return true;
}

void h1_connection::send_batched(std::string_view bytes, time_point begun, int status) noexcept {
  in_batch_ = false;
  const net::io_result sent = transmit(bytes.data(), bytes.size());
  if (sent.end != net::io_end::open) return end_by(sent.end);
  note_response();
  if (state() == connection_state::idle) become_idle();  // from now on
  shard_.stats.add(status, loop_now() - begun);
  if (sent.bytes == bytes.size()) return shard_.answered.add(std::exchange(unflushed_, 0));
  try {
    unsent_ = bytes.substr(sent.bytes);
    unsent_from_ = 0;
  } catch (const std::exception&) {  // out of memory
    return end(connection_end::forced);
  }
  wait_for_room();
}

bool h1_connection::read_head() {
  exchange& x = *exchange_;
  if (x.head != 0) return true;
  if (x.begin == x.end) return false;
  const head_result head = parse_head(x.unread(), x.scanned, shard_.service().limits, x.req, x.info);
  if (head.what == head_result::kind::need_more) {
    if (head.consumed < x.unread().size()) begin_request();
    return false;
  }
  begin_request();
  if (head.what == head_result::kind::error) return refuse(head.status, head.why), false;
  x.head = head.consumed;
  give_id();
  if (refusing_) return refuse(503, "too many connections"), false;
  request_access::remote(x.req, &remote());
  request_access::tls(x.req, tls_peer_at_hand());
  const service& of = shard_.service();
  x.found = of.routes.match(x.req);
  if (!x.info.has_body) return true;
  const handler* h = x.found.handle;
  x.reader = body_reader(x.info, h ? h->route_options().max_body.value_or(of.limits.body_bytes) : of.limits.body_bytes);
  if (const body_result said = x.reader.feed({}, x.body); said.what == body_result::kind::error)
    return refuse(said.status, said.why), false;
  const bool continue_owed = x.info.expect_continue && x.end - x.begin == x.head;  // not once the body has begun
  if (h && h->streams_body()) {
    x.in_pieces = true;
    x.in.owes_continue = continue_owed;
    static_cast<void>(x.room());  // nothing moves any more once the handler has views: makes the most of it now
    return true;
  }
  if (continue_owed && !h) {  // nobody wants the body: the client is told so before it sends it
    x.info.has_body = x.info.keep_alive = false;
    return true;
  }
  if (continue_owed) shard_.out() += continue_100;
  enter(connection_state::reading, x.read_by = loop_now() + of.limits.body_time);
  return true;
}

bool h1_connection::read_body() {
  exchange& x = *exchange_;
  if (!x.info.has_body || (x.found.handle && x.found.handle->streams_body())) return true;
  const std::size_t from = x.begin + x.head;
  const body_result body = x.reader.feed({x.buffer.get() + from, x.end - from}, x.body);
  if (body.what == body_result::kind::error) return refuse(body.status, body.why), false;
  if (body.what == body_result::kind::need_more) {
    x.end = from;  // its bytes are in x.body
    x.in.waits_since = loop_now();
    return false;
  }
  x.tail = body.consumed;
  return true;
}

void h1_connection::begin_request() noexcept {
  if (std::exchange(begun_, true)) return;
  shard_.begun.add();
  exchange_->records.begin(loop_now());
  if (state() == connection_state::idle) note_request();
  enter(connection_state::reading, exchange_->read_by = loop_now() + shard_.service().limits.head_time);
}

bool h1_connection::may_begin(const handler& h) noexcept {
  if (h.form() != form::plain) flush();  // it may take a while, and what came before is done
  return state() != connection_state::closed;
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
  enter(at_work(), time_point::max());  // bounded by the drain end alone
  if (h && h->route_options().gone_at_fin && remote_is_ending()) call_->client_gone();  // it came with the request
  return *call_;
}

void h1_connection::end_call() noexcept {
  if (!call_) return;
  call& c = *std::exchange(call_, nullptr);
  within_ ? c.let_go_within() : c.let_go(nullptr, cause::none);
}

void h1_connection::answered(response&& r) {
  if (r.source()) return begin_body(std::move(r));
  if (call_ && call_->pool_was_full() && r.status() == 503) return end_call(), reject(r);
  append(r);
  exchange_->records.responded(shard_.service().access_log, &exchange_->req, remote(), r.status(), r.body().size(),
                               request_end::answered);
  ++unflushed_;
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

framing h1_connection::framing_of(bool close) const {
  const exchange& x = *exchange_;
  return {.date = shard_.date(),
          .head = x.req.verb() == method::head,
          .close = close,
          .http_1_0 = x.info.http_1_0,
          .request_id = request_access::id(x.req)};
}

void h1_connection::append(const response& r) {
  const exchange& x = *exchange_;
  closing_ = !body_is_over() || !x.info.keep_alive;
  close_at_ = write_response(shard_.out(), r, framing_of(closing_));
}

void h1_connection::refuse(int status, std::string_view why, request_end as) {
  // Also of a head that could not be read, as far as it can be told.
  std::string_view first = exchange_->unread();
  first.remove_prefix(std::min(first.find_first_not_of("\r\n"), first.size()));
  const bool head = first.starts_with("HEAD ");
  write_refusal(shard_.out(), {.status = status, .why = why, .retry_after_seconds = status == 503 ? 1 : 0},
                {.date = shard_.date(),
                 .head = head,
                 .request_id = exchange_->head != 0 ? request_access::id(exchange_->req) : std::string_view()});
  exchange_->records.responded(shard_.service().access_log, exchange_->head != 0 ? &exchange_->req : nullptr, remote(),
                               status, 0, as);
  (as == request_end::forced ? shard_.forced : shard_.rejected).add();
  begun_ = false;
  closing_ = true;
}

void h1_connection::finish_request() noexcept {
  exchange_->next();
  begun_ = false;
  if (std::exchange(long_lived_, false)) become(net::connection_kind::http1);
}

void h1_connection::take_answer(response&& r) noexcept {
  if (within_) {  // answer_request() goes on with it
    try {
      return answered(std::move(r));
    } catch (const std::exception&) {  // out of memory
      return end(connection_end::forced);
    }
  }
  const detail::shard::own_out out(shard_);
  set().loop().refresh_now();
  if (shard_.service().life.forced()) farewell_as_ = connection_end::forced;  // last words, not an answer in time
  entered_ = true;
  try {
    answered(std::move(r));
  } catch (const std::exception&) {  // out of memory
    end(connection_end::forced);
  }
  entered_ = false;
  flush();
  resume();
}

/// Goes on with what is in the buffer, then with what is in the kernel.
void h1_connection::resume() noexcept {
  if (entered_ || !may_read()) return;
  if (exchange_) go_on();
  if (!may_read()) return;
  if (more_) return rearm();
  readable_ ? on_readable() : settle();
}

/// Whether the response in out() that can still say "close" is the last: what else the client sends will not be read,
/// and it knows that. What had come before it was told is read and answered, also when it is still in the kernel.
bool h1_connection::last_response() const noexcept {
  if (!draining() || closing_ || !close_at_) return false;
  const exchange& x = *exchange_;
  if (!x.out.open) return !call_ && x.unread().empty() && !may_have_unread();
  if (x.begin + x.head + x.tail < x.end) return false;
  const bool body_comes = x.info.has_body && x.found.handle && x.found.handle->streams_body() && !x.in.over;
  return body_comes || !may_have_unread();  // else it is of that body, as far as can be told
}

void h1_connection::flush() noexcept {
  std::string& out = shard_.out();
  if (out.empty()) return;
  if (state() == connection_state::closed) return out.clear();
  if (last_response()) {
    mark_close(out, *close_at_);
    closing_ = true;
  }
  close_at_.reset();
  if (!unsent_.empty()) {  // of earlier responses of the pipeline: this one goes behind them
    if (unsent_from_ >= kept_unsent_bytes) unsent_.erase(0, std::exchange(unsent_from_, 0));
    unsent_ += out;
    return out.clear();
  }
  const net::io_result sent = transmit(out.data(), out.size());
  if (sent.end != net::io_end::open) return out.clear(), end_by(sent.end);
  if (sent.bytes == out.size()) {
    shard_.trim();
    out.clear();
    return all_sent();
  }
  unsent_ = std::move(out);  // with its front, rather than copied
  unsent_from_ = sent.bytes;
  out = std::string();
  wait_for_room();
}

/// The client has to take something of what is unsent.
void h1_connection::wait_for_room() noexcept {
  const bool told = long_lived_ && draining() && tell_at() == time_point::max();
  const duration most = told ? shard_.told_write_time(loop_now()) : shard_.service().limits.write_time;
  enter(at_work(), loop_now() + most);
  unacknowledged_ = unacknowledged();
}

void h1_connection::on_told() noexcept {
  if (call_) call_->told(shard_.life().drain_end());
  if (!unsent_.empty() || sending_file()) return wait_for_room();
  enter(at_work(), time_point::max());
}

void h1_connection::on_writable() noexcept {
  if (std::exchange(more_, false) && may_read()) {
    set().loop().refresh_now();
    return resume();
  }
  if (!unsent_.empty()) {
    const net::io_result sent = transmit(unsent_.data() + unsent_from_, waiting_output());
    if (sent.end != net::io_end::open) return end_by(sent.end);
    if (sent.bytes == 0) return;
    unsent_from_ += sent.bytes;
    if (unsent_from_ < unsent_.size()) {
      if (call_) call_->wake_output();
      return wait_for_room();
    }
    unsent_.clear();
    unsent_from_ = 0;
    if (unsent_.capacity() > kept_unsent_bytes) unsent_.shrink_to_fit();
    all_sent();
    if (call_) call_->wake_output();
  } else if (!sending_body()) {
    return;
  }
  if (sending_file()) return send_file();
  resume();
}

void h1_connection::all_sent() noexcept {
  (farewell_as_ == connection_end::forced ? shard_.forced : shard_.answered).add(std::exchange(unflushed_, 0));
  set().loop().refresh_now();  // handlers may have taken longer than a silence
  if (exchange_)
    exchange_->records.sent(shard_.service().access_log, shard_.stats, loop_now(),
                            farewell_as_ == connection_end::forced);
  note_response();
  if (exchange_ && exchange_->out.to) return hand_over();
  if (call_ && exchange_->in.waiting) return enter(connection_state::reading, exchange_->read_by);
  if (call_ || sending_body()) return enter(at_work(), time_point::max());
  if (closing_) farewell(farewell_as_);
}

/// Everything that is here has been looked at: waits for the rest of a request or for the next one.
void h1_connection::settle() noexcept {
  if (begun_) return enter(connection_state::reading, exchange_->read_by);
  drop_exchange();
  if (state() != connection_state::fresh) become_idle();
}

void h1_connection::become_idle() noexcept {
  enter(connection_state::idle, past().last_active + shard_.service().limits.idle_time);
}

bool h1_connection::may_read() const noexcept {
  return state() != connection_state::closed && state() != connection_state::lingering && !call_ && unsent_.empty() &&
         !sending_body();
}

/// Whether it is the drain's time that is over, and the body came on as it should: then it is we who cut it.
bool h1_connection::cuts_a_body() const noexcept {
  const exchange& x = *exchange_;
  if (!draining() || x.head == 0 || loop_now() >= x.read_by) return false;
  if (loop_now() - x.in.waits_since >= std::chrono::seconds(1)) return false;
  const duration since_head = shard_.service().limits.body_time - (x.read_by - loop_now());
  const duration took = call_ ? x.in.waited + (loop_now() - x.in.waits_since) : since_head;
  const std::uint64_t came = call_ ? x.in.received : x.body.size();
  return took <= std::chrono::seconds(1) + std::chrono::seconds(came / least_bytes_per_second);
}

void h1_connection::on_timeout() noexcept {
  switch (state()) {
    case connection_state::reading:
      if (call_) {  // its handler waits for the body
        const bool cut = cuts_a_body();
        if (cut) farewell_as_ = connection_end::forced;
        exchange_->in.status = cut ? 503 : 408;
        exchange_->in.why = cut ? "the server is stopping" : "the body took too long";
        return input_is_here();
      }
      if (std::exchange(more_, false)) return resume();  // what is here is complete: we did not get to it
      if (cuts_a_body()) {
        farewell_as_ = connection_end::forced;
        refuse(503, "the server is stopping", request_end::forced);
        return flush();
      }
      farewell_as_ = connection_end::timed_out;
      refuse(408, exchange_->head == 0 ? "the head took too long" : "the body took too long");
      return flush();
    case connection_state::fresh:
      return farewell(connection_end::timed_out);
    default:
      // A handler that works is bounded by the drain end alone.
      if (unsent_.empty() && !sending_file()) return;
      if (unacknowledged() < unacknowledged_) return wait_for_room();  // it reads, if slowly
      end(connection_end::timed_out);
  }
}

void h1_connection::on_end(connection_end how) noexcept {
  if (in_batch_) shard_.batched_writes().drop(*this);
  if (exchange_)
    exchange_->records.cut(shard_.service().access_log, begun_, exchange_->head != 0 ? &exchange_->req : nullptr,
                           remote(), loop_now(),
                           how == connection_end::forced ? request_end::forced : request_end::abandoned_by_client);
  const std::uint64_t open = std::exchange(unflushed_, 0) + (std::exchange(begun_, false) ? 1 : 0);
  (how == connection_end::forced ? shard_.forced : shard_.abandoned).add(open);
  if (call_) {
    const cause why = how == connection_end::forced ? cause::forced : cause::client_gone;
    std::exchange(call_, nullptr)->let_go(std::exchange(exchange_, nullptr), why);
  }
  drop_exchange();
}

std::optional<time_point> h1_connection::works_since() const {
  if (exchange_ && (begun_ || call_ || sending_body())) return exchange_->records.begun();
  if (!unsent_.empty()) return past().last_active;
  return std::nullopt;
}

std::string h1_connection::work_label() const {
  if (!exchange_ || !(begun_ || call_ || sending_body())) return "a response on its way";
  if (exchange_->head == 0) return "a request that is not complete";
  const request& r = exchange_->req;
  constexpr std::size_t shown = 120;
  const bool cut = r.target().size() > shown;
  return std::string(r.method()).append(" ").append(r.target().substr(0, shown)).append(cut ? "..." : "");
}

std::string h1_connection::work_waits_for() const { return call_ ? call_->life().waits_for() : std::string(); }

void h1_connection::drop_exchange() noexcept {
  if (exchange_) shard_.give_back(*std::exchange(exchange_, nullptr));
}

}  // namespace lastcall::inline v0::http::detail
