// How an HTTP/1.1 connection frames what answer_path decides, and what it gives to the call of a request.
// Answers are appended to shard_.output(), and the outermost of go_on() and take_answer() flushes it. A body in pieces
// is sent piece by piece; what the client does not take waits in unsent_, and take_output() returns 0 when that is
// full.
#include <algorithm>
#include <exception>
#include <utility>

#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/status.hpp"
#include "lastcall/http/requests/call_waiter.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr input_result gone{.what = input_result::kind::failed, .why = client_has_gone};
}  // namespace

framing h1_connection::framing_of(bool close) const {
  const exchange& x = *exchange_;
  return {.date = shard_.date(),
          .head = x.req.verb() == method::head,
          .close = close,
          .http_1_0 = x.info.http_1_0,
          .request_id = request_access::id(x.req)};
}

/// False if sending the earlier answers has ended the connection.
bool h1_connection::make_way() noexcept {
  flush();
  return state() != connection_state::closed;
}

/// The connection closes after it if bytes of the request's body are missing, and after each refusal: nothing tells
/// where the next request begins.
void h1_connection::put_response(const response& r, bool refusal) {
  phase_.responds(refusal || !body_is_over() || !exchange_->info.keep_alive);
  framing f = framing_of(phase_.last());
  if (refusal && !exchange_->input.has_head()) {  // the parser has failed, maybe before the method: the bytes decide
    std::string_view first = exchange_->input.unread();
    first.remove_prefix(std::min(first.find_first_not_of("\r\n"), first.size()));
    f = {.date = f.date, .head = first.starts_with("HEAD "), .close = true};
  }
  close_at_ = write_response(shard_.output(), r, f);
}

/// Skips the rest of a body that no handler will read, as far as it has been received. False: bytes are missing, so the
/// connection can't be used for another request.
bool h1_connection::body_is_over() {
  exchange& x = *exchange_;
  if (!x.info.has_body || !streams_body() || x.incoming.over) return true;
  x.body.clear();
  const body_result rest = x.reader.feed(x.input.behind_head(), x.body);
  if (rest.what != body_result::kind::done) return false;
  x.input.body_is(rest.consumed);
  return x.incoming.over = true;
}

void h1_connection::response_made(request_end as) noexcept {
  if (as == request_end::answered) {
    ++unsent_answers_;  // counted in all_sent()
  } else {
    shard_.column(as).add();
  }
  finish_request();
}

void h1_connection::finish_request() noexcept {
  const exchange& x = *exchange_;
  if (phase_.last()) {
    const bool body_comes = x.info.has_body && (phase_.may_read() || (streams_body() && !x.incoming.over));
    if (!x.input.has_head() || body_comes) expect_more();
  }
  exchange_->next();
  phase_.responded();
  if (std::exchange(long_lived_, false)) become(net::connection_kind::http1);
}

/// Makes an answer outside of a wake. It has an output buffer of its own, so that answers of another connection, in
/// whose wake a handler may run, do not mix with it.
template <class F> void h1_connection::answer_later(const F& f) noexcept {
  try {
    const detail::shard::separate_output separate(shard_);
    set().loop().refresh_now();
    caller_continues_ = true;
    f();
    caller_continues_ = false;
    flush();
    resume();
  } catch (const std::exception&) {  // out of memory
    caller_continues_ = false;
    end(connection_end::forced);
  }
}

void h1_connection::take_answer(response&& r) noexcept {
  if (!in_coroutine_) return answer_later([&] { answered(std::move(r)); });
  try {
    answered(std::move(r));          // go_on() is on the stack, and sends it
  } catch (const std::exception&) {  // out of memory
    end(connection_end::forced);
  }
}

void h1_connection::take_timeout() noexcept {
  answer_later([this] { time_is_up(); });
}

// Bodies that the handler takes in pieces.

input_result h1_connection::next_input() noexcept {
  const detail::shard::separate_output separate(shard_);
  return next_piece();
}

/// From the buffer, or from the kernel.
input_result h1_connection::pull_input() noexcept {
  exchange& x = *exchange_;
  if (x.incoming.over || !x.info.has_body) return {.what = input_result::kind::end};
  try {
    for (;;) {
      const body_result got = x.reader.feed(x.input.behind_head(), x.body, &x.trailers);
      if (got.what == body_result::kind::error) {
        fail_input(got.status, got.why);
        return {.what = input_result::kind::failed, .status = got.status, .why = got.why};
      }
      if (got.what == body_result::kind::done) {
        x.input.body_is(got.consumed);
        x.incoming.over = true;
        if (x.body.empty()) return {.what = input_result::kind::end};
      } else {
        x.input.drop_behind_head();
      }
      if (!x.body.empty()) {
        x.pacing.came(x.body.size(), loop_now());
        return {.what = input_result::kind::piece, .bytes = x.body};
      }
      if (std::exchange(x.incoming.owes_continue, false)) {
        shard_.output() += continue_100;
        flush();
        if (state() == connection_state::closed) return gone;
      }
      const std::span<char> room = x.input.space_behind_head();
      const net::io_result read = receive(room.data(), room.size());
      if (read.end != net::io_end::open) return end_by(read.end), gone;
      if (read.would_block) return {.what = input_result::kind::wait};
      x.input.received(read.bytes);
    }
  } catch (const std::exception&) {  // out of memory
    end(connection_end::forced);
    return gone;
  }
}

void h1_connection::wait_begins() noexcept {
  readable_ = false;
  if (unsent_.empty()) enter(connection_state::reading, exchange_->pacing.due());  // else all_sent() sets it
}

/// While output waits for the client, its limit goes on: the time of a write must not begin anew with each piece.
void h1_connection::wait_ended() noexcept {
  if (unsent_.empty()) enter(working_state(), time_point::max());
}

void h1_connection::call_begun() noexcept {
  unsent_.empty() ? enter(working_state(), time_point::max()) : wait_for_room();
}

// Bodies that follow their head.

bool h1_connection::make_way_for_body(const response& r, bool none_follows) {
  if (!make_way()) return false;
  if (response_access::source(r)->upgrade) return begin_upgrade(r), false;
  exchange& x = *exchange_;
  if (!response_access::source(r)->length && x.info.http_1_0) x.info.keep_alive = false;
  // If bytes of the request's body are missing and the maker won't read them, the connection must close. The maker
  // can't read after an error, and a client that waits for 100 Continue won't send: it is too late for that answer.
  const bool unread = none_follows || response_access::source(r)->file
                          ? !body_is_over()
                          : x.info.has_body && (x.incoming.owes_continue || x.incoming.status != 0);
  if (unread) x.info.keep_alive = false;
  return true;
}

void h1_connection::put_head(const response& r, bool /*body_follows*/) {
  const exchange& x = *exchange_;
  phase_.responds(!x.info.keep_alive);
  close_at_ = write_head(shard_.output(), r, framing_of(phase_.last()),
                         may_have_body(r.status()) ? x.outgoing.by : body_framing::until_close, x.outgoing.left);
}

void h1_connection::body_begins() {
  phase_.body_follows();
  flush();
  if (sending_file() && unsent_.empty()) return send_file();
  if (long_lived_ && remote_is_ending() && state() != connection_state::closed) end_by(net::io_end::orderly);
}

std::size_t h1_connection::take_output(std::string_view bytes) {
  const detail::shard::separate_output separate(shard_);
  return take_piece(bytes);
}

void h1_connection::put_piece(std::string_view bytes) {
  if (exchange_->outgoing.by == body_framing::chunked) {
    write_chunk(shard_.output(), bytes);
  } else {
    shard_.output().append(bytes);
  }
  flush();
}

void h1_connection::end_output(bool whole, std::string_view trailers) noexcept {
  const detail::shard::separate_output separate(shard_);
  within_memory([&] { end_body(whole, trailers); });
}

void h1_connection::put_end(std::string_view trailers) {
  if (exchange_->outgoing.by == body_framing::chunked) write_last_chunk(shard_.output(), trailers);
}

/// The last byte is in the buffer, or sent. Continues with the next request.
void h1_connection::body_ended() noexcept {
  phase_.responds(phase_.last() || !body_is_over() || (long_lived_ && draining()));
  response_made(request_end::answered);
  if (shard_.output().empty() && unsent_.empty()) {
    all_sent();
  } else {
    flush();
  }
  resume();
}

/// With a length or chunks, a FIN before the end shows that the body is not whole, and earlier answers still arrive. A
/// body that ends with the connection has no end mark: only a reset shows it.
void h1_connection::put_break() noexcept {
  if (exchange_->outgoing.by == body_framing::until_close) {
    phase_.responded();
    return abort(connection_end::clean);
  }
  end_call();
  phase_.responds(true);
  finish_request();
  if (shard_.output().empty() && unsent_.empty()) return all_sent();
  flush();
}

}  // namespace lastcall::inline v0::http::detail
