// How an HTTP/1.1 connection sends, and how long a client may take to receive or to send.
// Responses of one wake are gathered in shard_.output(). flush() gives them to the kernel; what the kernel has no room
// for moves to unsent_, the write queue of this connection. While unsent_ is not empty, nothing is read
// (back-pressure).
#include <algorithm>
#include <utility>

#include "lastcall/http/h1/h1_connection.hpp"
#include "lastcall/http/h1/h1_writer.hpp"
#include "lastcall/http/message/body_source.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr std::size_t file_bytes_per_wake = 1024 * 1024;  // then the loop serves its other connections
}  // namespace

/// Hands one short answer to the shard's batch, which sends it together with those of other connections. Only for an
/// answer after which this connection just waits: no pipeline, no drain, no body.
bool h1_connection::put_in_batch() noexcept {
  std::string& out = shard_.output();
  if (!shard_.batched_writes().open() || unsent_answers_ != 1 || out.empty() ||
      out.size() > batched_writes::most_bytes || phase_.last() || call_ || draining() || !unsent_.empty() ||
      sending_body() || state() == connection_state::closed || !exchange_)
    return false;
  const auto response = exchange_->records.hand_out(service().access_log);
  if (!response) return false;
  in_batch_ = true;
  close_at_ = nowhere;
  if (!shard_.batched_writes().put(*this, out, *response)) send_batched(out, *response);
  out.clear();
  return true;
}

/// The batch calls this at its end. What is counted comes from the batch: the exchange has been given back by then.
void h1_connection::send_batched(std::string_view bytes, const sent_response& is) noexcept {
  in_batch_ = false;
  const net::io_result sent = transmit(bytes.data(), bytes.size());
  if (sent.end != net::io_end::open) return end_by(sent.end);
  note_response();
  if (state() == connection_state::idle) become_idle();  // idle time counts from the answer on
  shard_.stats.add(is, loop_now());
  if (sent.bytes == bytes.size()) return shard_.answered.add(std::exchange(unsent_answers_, 0));
  if (within_memory([&] { unsent_.append(bytes.substr(sent.bytes)); })) wait_for_room();
}

/// Whether the response that can still say "close" is the last one of a drain. A request that the client sent before it
/// is told must be answered: so no such request may be in the buffer or in the kernel.
bool h1_connection::last_response() const noexcept {
  if (!draining() || phase_.last() || close_at_ == nowhere) return false;
  const exchange& x = *exchange_;
  if (!x.outgoing.open) return !call_ && x.input.empty() && !may_have_unread();
  if (x.input.has_next()) return false;
  const bool body_comes = x.info.has_body && streams_body() && !x.incoming.over;
  return body_comes || !may_have_unread();  // unread bytes may belong to the body, if one is on its way
}

/// Gives shard_.output() to the kernel, and leaves it empty in every case.
void h1_connection::flush() noexcept {
  std::string& out = shard_.output();
  if (out.empty()) return;
  if (state() == connection_state::closed) return out.clear();
  if (last_response()) {
    mark_close(out, close_at_);
    phase_.ends_with_it();
  }
  close_at_ = nowhere;
  if (!unsent_.empty()) {  // earlier responses wait: this one goes behind them
    unsent_.append(out);
    return out.clear();
  }
  const net::io_result sent = transmit(out.data(), out.size());
  if (sent.end != net::io_end::open) return out.clear(), end_by(sent.end);
  if (sent.bytes == out.size()) {
    shard_.trim_output();
    out.clear();
    return all_sent();
  }
  unsent_.take(out, sent.bytes);
  wait_for_room();
}

/// The kernel has every byte of every answer. Counts them, and decides what the connection waits for.
void h1_connection::all_sent() noexcept {
  (farewell_as_ == connection_end::forced ? shard_.forced : shard_.answered).add(std::exchange(unsent_answers_, 0));
  set().loop().refresh_now();  // handlers may have taken long, and the silence counts from here
  if (exchange_)
    exchange_->records.sent(service().access_log, shard_.stats, loop_now(), farewell_as_ == connection_end::forced);
  note_response();
  if (exchange_ && exchange_->outgoing.to) return hand_over();
  if (call_ && exchange_->pacing.waiting()) return enter(connection_state::reading, exchange_->pacing.due());
  if (call_ || sending_body()) return enter(working_state(), time_point::max());
  if (phase_.closing()) farewell(farewell_as_);
}

/// The client has to receive before more is sent. It has write_time to take at least one byte.
void h1_connection::wait_for_room() noexcept {
  const bool told = long_lived_ && draining() && tell_at() == time_point::max();
  const duration most = told ? shard_.told_write_time(loop_now()) : service().limits.write_time;
  enter(working_state(), loop_now() + most);
  unsent_.look(unacknowledged());
}

/// The kernel has room again, or rearm() asked for this wake.
void h1_connection::on_writable() noexcept {
  if (std::exchange(more_buffered_, false) && may_read()) {
    set().loop().refresh_now();
    return resume();
  }
  if (!unsent_.empty()) {
    const net::io_result sent = transmit(unsent_.unsent().data(), unsent_.size());
    if (sent.end != net::io_end::open) return end_by(sent.end);
    if (sent.bytes == 0) return;
    unsent_.sent(sent.bytes);
    if (!unsent_.empty()) {
      if (call_) call_->wake_output();
      return wait_for_room();
    }
    all_sent();
    if (call_) call_->wake_output();
  } else if (!sending_body()) {
    return;
  }
  if (sending_file()) return send_file();
  resume();
}

/// All input that is here has been used: waits for the rest of a request, or for the next request.
void h1_connection::set_waiting_state() noexcept {
  if (phase_.open()) return enter(connection_state::reading, exchange_->pacing.due());
  drop_exchange();
  if (state() != connection_state::fresh) become_idle();
}

void h1_connection::become_idle() noexcept {
  enter(connection_state::idle, past().last_active + service().limits.idle_close_after);
}

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
  if (x.outgoing.left == 0) return body_is_sent();
  wait_for_room();
  rearm();
}

void h1_connection::on_timeout() noexcept {
  switch (state()) {
    case connection_state::reading:
      if (!call_ && std::exchange(more_buffered_, false))
        return resume();  // the request is complete, and only waited for its turn
      if (!call_) farewell_as_ = connection_end::timed_out;
      if (within_memory([this] { overdue(); })) flush();
      return;
    case connection_state::fresh:
      return farewell(connection_end::timed_out);
    default:
      // While a handler works, nothing waits for the client.
      if (unsent_.empty() && !sending_file()) return;
      if (unsent_.look(unacknowledged())) return wait_for_room();  // it receives, if slowly
      end(connection_end::timed_out);
  }
}

}  // namespace lastcall::inline v0::http::detail
