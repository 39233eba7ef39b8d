// How an HTTP/1.1 connection reads, and the order of one wake. Answers are in h1_answers.cpp, sending is in
// h1_output.cpp. All functions run on the loop's thread, and one request is in work at a time.
//
// Ownership: exchange_ is borrowed from the shard with the first bytes, and given back when the connection is idle. If
// the connection ends while a handler has views of the request, the call owns it from then on.
//
// Re-entrancy (its one rule: docs/design/answers.md): a handler runs inside go_on(). It may answer at once, or end this
// connection. So each step checks may_read() or the state before it continues.
#include "lastcall/http/h1/h1_connection.hpp"

#include <exception>

#include "lastcall/http/h1/h1_parser.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/requests/http2.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr int reads_per_wake = 8;                   // then the loop serves its other connections
constexpr int answers_per_wake = 16;                // of one pipeline, for the same reason
constexpr std::size_t gathered_bytes = 256 * 1024;  // of responses: then they are sent before more are made
}  // namespace

h1_connection::h1_connection(detail::shard& s, net::unique_fd socket, const net::endpoint& remote,
                             bool refusing) noexcept
    : connection(s.set(), std::move(socket), remote, net::connection_kind::http1), answer_path(s), refusing_(refusing) {
  enter(connection_state::fresh, loop_now() + s.service().limits.head_time);
}

h1_connection::~h1_connection() = default;

/// TLS is ready, and ALPN has chosen the protocol.
void h1_connection::on_open() noexcept {
  if (agreed_protocol() == "h2") return become_http2();
  enter(connection_state::fresh, loop_now() + service().limits.head_time);
  on_readable();
}

std::string_view h1_connection::answer_to_plain_http() const noexcept {
  return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 47\r\n"
         "Connection: close\r\n\r\nthis port speaks TLS only; use https:// for it\n";
}

/// Edge-triggered: the kernel reports new input once. So this reads until the kernel has nothing (would_block), or sets
/// readable_ and returns; resume() reads then. After reads_per_wake, rearm() asks for another wake.
void h1_connection::on_readable() noexcept {
  readable_ = true;
  if (call_) return call_has_input();
  if (more_buffered_ || !may_read()) return;  // what is not read stays in the kernel: that is the back-pressure
  for (int i = 0; i < reads_per_wake; ++i) {
    const std::span<char> room = borrow_exchange().room();
    const net::io_result read = receive(room.data(), room.size());
    if (read.end != net::io_end::open) {
      if (in_batch_) shard_.batched_writes().send();
      if (!unsent_.empty()) return;  // first all answers are sent; resume() then meets the end again
      return end_by(read.end);
    }
    if (!read.would_block) {
      exchange_->input.received(read.bytes);
      if (state() == connection_state::fresh && begins_http2()) {
        if (exchange_->input.unread().size() < http2_preface.size()) continue;
        return become_http2();
      }
      go_on();
      if (!may_read()) return;
      if (more_buffered_) return continue_later();
      if (read.bytes == room.size() || remote_is_ending()) continue;
    }
    readable_ = false;
    if (state() == connection_state::fresh && begins_http2()) return;
    return set_waiting_state();
  }
  set_waiting_state();
  rearm();
}

/// Answers the complete requests in the buffer, in order. Stops at one that is incomplete, at one whose handler did not
/// answer yet (may_read() is false then), and after answers_per_wake.
void h1_connection::go_on() noexcept {
  if (in_batch_) shard_.batched_writes().send();  // these bytes go before the next answer
  more_buffered_ = false;
  caller_continues_ = true;
  try {
    for (int answers = 1; may_read() && read_head() && read_body(); ++answers) {
      answer_request();
      more_buffered_ = answers == answers_per_wake && exchange_;
      if (more_buffered_) break;
      if (shard_.output().size() >= gathered_bytes) flush();
    }
  } catch (const std::exception& error) {  // std::bad_alloc: nothing else is thrown here
    service().log.error(service().name, "a connection was cut", {{"cause", error.what()}});
    end(connection_end::forced);
  }
  caller_continues_ = false;
  if (!put_in_batch()) flush();
}

/// Returns whether the head is complete and the request may continue. What is refused is answered here.
bool h1_connection::read_head() {
  exchange& x = *exchange_;
  if (x.input.has_head()) return true;
  if (x.input.empty()) return false;
  const head_result head = parse_head(x.input.unread(), x.input.scanned(), service().limits, x.req, x.info);
  if (head.what == head_result::kind::need_more) {
    if (head.consumed < x.input.unread().size()) begin_request();
    return false;
  }
  begin_request();
  if (head.what == head_result::kind::error) return refuse({head.status, head.why}), false;
  x.input.head_is(head.consumed);
  give_id();
  if (refusing_) return refuse(refusals::too_many_connections), false;
  request_access::remote(x.req, &remote());
  request_access::tls(x.req, tls_peer_at_hand());
  x.found = service().routes.match(x.req);
  if (!x.info.has_body) return phase_.head_read(false), true;
  x.reader = body_reader(x.info, body_limit());
  if (const body_result said = x.reader.feed({}, x.body); said.what == body_result::kind::error)
    return refuse({said.status, said.why}), false;
  const bool continue_owed = x.info.expect_continue &&
                             x.input.behind_head().empty();  // a client that has begun to send the body does not wait
  if (streams_body()) {
    x.in_pieces = true;
    x.incoming.owes_continue = continue_owed;
    static_cast<void>(x.room());  // moves bytes now, because it must not once the handler has views
    return phase_.head_read(false), true;
  }
  if (continue_owed && !found_handler()) {  // no route wants the body: answers before the client sends it
    x.info.has_body = x.info.keep_alive = false;
    return phase_.head_read(false), true;
  }
  if (continue_owed) shard_.output() += continue_100;
  phase_.head_read(true);
  x.pacing.collect(loop_now(), service().limits.body_time);
  enter(connection_state::reading, x.pacing.due());
  return true;
}

/// Returns whether the body is complete, or belongs to the handler, which reads it in pieces.
bool h1_connection::read_body() {
  exchange& x = *exchange_;
  if (!x.info.has_body || streams_body()) return true;
  x.pacing.came(x.input.behind_head().size(), loop_now());
  const body_result body = x.reader.feed(x.input.behind_head(), x.body);
  if (body.what == body_result::kind::error) return refuse({body.status, body.why}), false;
  if (body.what == body_result::kind::need_more) {
    x.input.drop_behind_head();  // they were copied to x.body
    return false;
  }
  x.input.body_is(body.consumed);
  return phase_.body_read(), true;
}

/// The first byte of a request is here: from now on it counts in the ledger, and the head has head_time.
void h1_connection::begin_request() noexcept {
  if (!phase_.first_byte()) return;
  shard_.begun.add();
  exchange_->records.begin(loop_now());
  if (state() == connection_state::idle) note_request();
  exchange_->pacing.begin(loop_now(), service().limits.head_time);
  enter(connection_state::reading, exchange_->pacing.due());
}

/// While a call works, input is for the handler, or says that its client has gone.
void h1_connection::call_has_input() noexcept {
  if (remote_is_ending() && long_lived_) return end_by(net::io_end::orderly);
  if (remote_is_ending() && found_handler() && found_handler()->options().gone_at_fin) call_->client_gone();
  input_is_here();
}

/// Other connections are served first. The wake that rearm() asks for comes only if there is input or room; where the
/// client has sent all and takes nothing, the deadline continues.
void h1_connection::continue_later() noexcept {
  enter(connection_state::reading, loop_now() + service().limits.write_time);
  rearm();
}

/// Continues after a wait: with the requests in the buffer, then with the kernel's. Does nothing inside go_on() or
/// take_answer(), which continue themselves.
void h1_connection::resume() noexcept {
  if (caller_continues_ || !may_read()) return;
  if (exchange_) go_on();
  if (!may_read()) return;
  if (more_buffered_) return continue_later();
  readable_ ? on_readable() : set_waiting_state();
}

/// The jitter moment of a long-lived response has come: its handler is told, and its client has less time to receive.
void h1_connection::on_told() noexcept {
  tell_drain();
  if (!unsent_.empty() || sending_file()) return wait_for_room();
  enter(working_state(), time_point::max());
}

/// Everything that is open goes to its column of the ledger. A handler that still works gets the request, through its
/// call.
void h1_connection::on_end(connection_end how) noexcept {
  if (in_batch_) shard_.batched_writes().drop(*this);
  const bool by_force = how == connection_end::forced;
  const std::uint64_t open = std::exchange(unsent_answers_, 0) + (phase_.open() ? 1 : 0);
  (by_force ? shard_.forced : shard_.abandoned).add(open);
  cut(by_force ? request_end::forced : request_end::abandoned_by_client, phase_.open());
}

/// For the report of work in progress: null while the connection only waits.
std::optional<time_point> h1_connection::works_since() const {
  if (at_work()) return exchange_->records.begun();
  if (!unsent_.empty()) return past().last_active;
  return std::nullopt;
}

std::string h1_connection::work_label() const { return at_work() ? label() : "a response on its way"; }

}  // namespace lastcall::inline v0::http::detail
