// How an HTTP/1.1 connection takes a request's body in pieces, and sends a response whose body follows its head.
// The call of the request pulls input with next_input() and pushes output with take_output(). Both run on the loop's
// thread, often inside a handler's coroutine; both may end the connection, and then the call has no host any more.
// At most 64 KiB of output wait in unsent_: then take_output() returns 0, and on_writable() wakes the writer.
#include <algorithm>
#include <stdexcept>

#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/status.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr std::size_t most_waiting = 64 * 1024;  // output that waits for the client; more makes the writer wait
constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::size_t file_bytes_per_wake = 1024 * 1024;  // then the loop serves its other connections
constexpr input_result gone{.what = input_result::kind::failed, .why = "the client has gone"};
}  // namespace

/// Skips the rest of a body that no handler will read, as far as it has been received. False: bytes are missing, so the
/// connection can't be used for another request.
bool h1_connection::body_is_over() {
  exchange& x = *exchange_;
  if (!x.info.has_body || !x.found.handle || !x.found.handle->streams_body() || x.incoming.over) return true;
  x.body.clear();
  const body_result rest = x.reader.feed(x.input.behind_head(), x.body);
  if (rest.what != body_result::kind::done) return false;
  x.input.body_is(rest.consumed);
  return x.incoming.over = true;
}

/// The next piece, from the buffer or from the kernel. The piece is valid until the next call.
input_result h1_connection::next_input() noexcept {
  const detail::shard::separate_output separate(shard_);
  exchange& x = *exchange_;
  x.incoming.waiting = false;
  x.body.clear();
  if (x.incoming.status != 0)
    return {.what = input_result::kind::failed, .status = x.incoming.status, .why = x.incoming.why};
  if (x.incoming.over || !x.info.has_body) return {.what = input_result::kind::end};
  try {
    for (;;) {
      const body_result got = x.reader.feed(x.input.behind_head(), x.body, &x.trailers);
      if (got.what == body_result::kind::error) {
        x.incoming.status = got.status;
        x.incoming.why = got.why;
        return {.what = input_result::kind::failed, .status = got.status, .why = got.why};
      }
      if (got.what == body_result::kind::done) {
        x.input.body_is(got.consumed);
        x.incoming.over = true;
        if (x.body.empty()) return {.what = input_result::kind::end};
      } else {
        x.input.drop_behind_head();
      }
      x.incoming.received += x.body.size();
      if (!x.body.empty()) return {.what = input_result::kind::piece, .bytes = x.body};
      if (std::exchange(x.incoming.owes_continue, false)) {
        shard_.output() += continue_100;
        flush();
        if (state() == connection_state::closed) return gone;
      }
      const std::span<char> room = x.input.space_behind_head();
      const net::io_result read = receive(room.data(), room.size());
      if (read.end != net::io_end::open) return end_by(read.end), gone;
      if (read.would_block) return wait_for_input();
      x.input.received(read.bytes);
    }
  } catch (const std::exception&) {  // out of memory
    end(connection_end::forced);
    return gone;
  }
}

/// The client has body_time in all, and one second more for each 16 KiB that it has sent. Only time in which the
/// handler waits counts.
input_result h1_connection::wait_for_input() noexcept {
  exchange& x = *exchange_;
  readable_ = false;
  x.incoming.waiting = true;
  x.incoming.waits_since = set().loop().refresh_now();
  const duration may_take = shard_.service().limits.body_time +
                            std::chrono::seconds(x.incoming.received / least_bytes_per_second) - x.incoming.waited;
  x.read_by = x.incoming.waits_since + std::max(may_take, duration::zero());
  if (unsent_.empty()) enter(connection_state::reading, x.read_by);  // else all_sent() sets it
  return {.what = input_result::kind::wait};
}

/// Input arrived, the remote sent FIN, or the time is over: wakes the handler that waits for it.
void h1_connection::input_is_here() noexcept {
  exchange& x = *exchange_;
  if (remote_is_ending() && long_lived_) return end_by(net::io_end::orderly);
  if (remote_is_ending() && x.found.handle && x.found.handle->route_options().gone_at_fin) call_->client_gone();
  if (!call_ || !std::exchange(x.incoming.waiting, false)) return;
  x.incoming.waited += loop_now() - x.incoming.waits_since;
  enter(working_state(), time_point::max());
  call_->wake_input();
}

/// Sends the head, then starts what makes the body: a file, a coroutine, or a thread of the pool.
void h1_connection::begin_body(response&& r) {
  flush();  // of earlier requests
  if (state() == connection_state::closed) return;
  if (r.source()->upgrade) return begin_upgrade(r);
  exchange& x = *exchange_;
  const std::shared_ptr<const body_source> source = r.source();
  const bool none = x.req.verb() == method::head || !may_have_body(r.status());
  const bool on_pool = source->blocking && !none;
  const body_framing by = source->length    ? body_framing::length
                          : x.info.http_1_0 ? body_framing::until_close
                                            : body_framing::chunked;
  if (by == body_framing::until_close) x.info.keep_alive = false;
  // If bytes of the request's body are missing and the maker won't read them, the connection must close. The maker
  // can't read after an error, and a client that waits for 100 Continue won't send: it is too late for that answer.
  const bool unread =
      none || source->file ? !body_is_over() : x.info.has_body && (x.incoming.owes_continue || x.incoming.status != 0);
  if (unread) x.info.keep_alive = false;
  x.incoming.owes_continue = false;
  call* c = call_;
  if (!none && !source->file && !c) c = &begin_call(nullptr);
  if (c) c->acquire();
  const std::shared_ptr<call> held(c, [](call* p) {
    if (p) p->release();
  });
  if (!none && !source->file) c->make_body(source);
  // Before the head is written: a full pool answers 503 instead.
  if (on_pool && !shard_.service().pool->submit([held] { held->run_blocking(); })) {
    end_call();
    return reject(call::pool_is_full());
  }

  closing_ = !x.info.keep_alive;
  x.records.head_sent(r.status());
  close_at_ = write_head(shard_.output(), r, framing_of(closing_),
                         may_have_body(r.status()) ? by : body_framing::until_close, source->length.value_or(0));
  if (none) {
    x.records.body_sent(shard_.service().access_log, x.req, remote(), request_end::answered);
    ++unsent_answers_;
    end_call();
    return finish_request();
  }
  x.in_pieces = true;
  x.outgoing.open = true;
  x.outgoing.by = by;
  x.outgoing.left = source->length.value_or(0);
  if (source->file) {
    x.outgoing.file = source;
    x.outgoing.file_at = source->offset;
    end_call();
    flush();
    if (sending_body() && unsent_.empty()) send_file();
    return;
  }
  flush();
  if (long_lived_ && remote_is_ending() && state() != connection_state::closed) return end_by(net::io_end::orderly);
  if (!on_pool && call_) shard_.coroutines().run(*held);
}

/// Takes at most one piece, so that one long write does not hold up the loop.
std::size_t h1_connection::take_output(std::string_view bytes) {
  const detail::shard::separate_output separate(shard_);
  if (waiting_output() >= most_waiting) return 0;
  exchange& x = *exchange_;
  if (x.outgoing.by == body_framing::length && bytes.size() > x.outgoing.left)
    throw std::length_error("body_writer: more bytes than the length that was promised");
  bytes = bytes.substr(0, piece_bytes);
  if (x.outgoing.by == body_framing::length) x.outgoing.left -= bytes.size();
  std::string& out = shard_.output();
  if (x.outgoing.by == body_framing::chunked) {
    write_chunk(out, bytes);
  } else {
    out.append(bytes);
  }
  const std::size_t taken = bytes.size();
  x.records.more_body(taken);
  set().loop().refresh_now();
  flush();
  return taken;
}

/// The maker has ended. `whole` is false after an exception.
void h1_connection::end_output(bool whole, std::string_view trailers) noexcept {
  const detail::shard::separate_output separate(shard_);
  exchange& x = *exchange_;
  if (shard_.service().life.forced())
    farewell_as_ = connection_end::forced;  // the drain end made it stop: counts as forced
  if (!whole) return break_off("");
  if (x.outgoing.by == body_framing::length && x.outgoing.left > 0)
    return break_off("its maker wrote less than it had promised");
  try {
    if (x.outgoing.by == body_framing::chunked)
      write_last_chunk(shard_.output(),
                       x.req.header("TE").find("trailers") != std::string_view::npos ? trailers : std::string_view());
  } catch (const std::exception&) {  // out of memory
    return end(connection_end::forced);
  }
  end_call();
  body_sent();
}

/// The last byte is in the buffer. Continues with the next request.
void h1_connection::body_sent() noexcept {
  closing_ = closing_ || !body_is_over() || (long_lived_ && draining());
  exchange_->outgoing.open = false;
  exchange_->records.body_sent(shard_.service().access_log, exchange_->req, remote(), request_end::answered);
  ++unsent_answers_;
  finish_request();
  if (shard_.output().empty() && unsent_.empty()) {
    all_sent();
  } else {
    flush();
  }
  resume();
}

/// The kernel sends the file: no call is involved.
bool h1_connection::sending_file() const noexcept { return sending_body() && exchange_->outgoing.file; }

/// One megabyte for each wake, straight from the file to the socket (sendfile).
void h1_connection::send_file() noexcept {
  exchange& x = *exchange_;
  for (std::size_t sent = 0; x.outgoing.left > 0 && sent < file_bytes_per_wake;) {
    const std::size_t size = std::min<std::uint64_t>(x.outgoing.left, file_bytes_per_wake);
    const net::io_result now = transmit_file(x.outgoing.file->file.get(), x.outgoing.file_at, size);
    if (now.unreadable) return break_off("the file cannot be read");
    if (now.end != net::io_end::open) return end_by(now.end);
    if (now.would_block) return wait_for_room();
    if (now.bytes == 0) return break_off("the file has become shorter");
    sent += now.bytes;
    x.outgoing.file_at += now.bytes;
    x.records.more_body(now.bytes);
    x.outgoing.left -= now.bytes;
  }
  if (x.outgoing.left == 0) return body_sent();
  wait_for_room();
  rearm();
}

/// Ends a body that is not complete, so that no client takes it for complete. With a length or chunks, a FIN before the
/// end shows that, and earlier answers still arrive. A body that ends with the connection has no end mark: only a reset
/// shows it.
void h1_connection::break_off(std::string_view why) noexcept {
  exchange& x = *exchange_;
  if (!why.empty())
    shard_.service().log.error(shard_.service().name, "a response was cut", {{"target", x.req.target()}, {"why", why}});
  shard_.broken.add();
  x.records.body_sent(shard_.service().access_log, x.req, remote(), request_end::broken);
  if (x.outgoing.by == body_framing::until_close) {
    begun_ = false;
    return abort(connection_end::clean);
  }
  end_call();
  x.outgoing.open = false;
  closing_ = true;
  finish_request();
  if (shard_.output().empty() && unsent_.empty()) return all_sent();
  flush();
}

}  // namespace lastcall::inline v0::http::detail
