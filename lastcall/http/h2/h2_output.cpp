// How an HTTP/2 connection sends what its session has, and how long the client may take for it.
// The session makes frames only when it is asked, at most gathered_bytes at a time. What the kernel has no room for
// moves to unsent_, the write queue; while that is not empty, the session is not asked and nothing is read
// (back-pressure).
#include <exception>
#include <utility>

#include "lastcall/http/h2/h2_connection.hpp"

namespace lastcall::inline v0::http::detail {

using net::connection_end;
using net::connection_state;

namespace {
constexpr int sends_per_wake = 8;                  // then the loop serves its other connections
constexpr std::size_t gathered_bytes = 64 * 1024;  // of one send
}  // namespace

/// Sends until the session has nothing more, the kernel has no room, or it was the turn of this connection for long
/// enough. Uses an output buffer of its own: a handler on the stack may belong to another connection.
void h2_connection::flush() noexcept {
  const shard::separate_output separate(shard_);
  std::string& out = shard_.output();
  try {
    for (int sends = 0; unsent_.empty() && !leaving(); ++sends) {
      if (sends == sends_per_wake) {
        more_to_send_ = true;
        rearm();
        break;
      }
      const bool more = session_.send(out, gathered_bytes);
      if (out.empty()) return all_sent();
      const net::io_result sent = transmit(out.data(), out.size());
      if (sent.end != net::io_end::open) {
        out.clear();
        return end_by(sent.end);
      }
      if (sent.bytes < out.size()) {
        unsent_.take(out, sent.bytes);
        set().loop().refresh_now();
        wait_for_room();
        return;
      }
      out.clear();
      all_sent();
      if (!more) break;
    }
  } catch (const std::exception&) {  // out of memory
    out.clear();
    end(connection_end::forced);
  }
  shard_.trim_output();
}

/// Sends the write queue. Returns whether it is empty now.
bool h2_connection::write_unsent() noexcept {
  const net::io_result sent = transmit(unsent_.unsent().data(), unsent_.size());
  if (sent.end != net::io_end::open) return end_by(sent.end), false;
  if (sent.bytes > 0) wait_for_room();
  unsent_.sent(sent.bytes);
  if (!unsent_.empty()) return false;
  all_sent();
  return true;
}

/// The client has write_time to take some bytes of the write queue; less when only long-lived streams are left and it
/// was told of the drain.
void h2_connection::wait_for_room() noexcept {
  const bool told = was_told() && only_long_lived();
  last_progress_ = loop_now();
  unsent_.look(unacknowledged());
  write_by_ = last_progress_ + (told ? shard_.told_write_time(last_progress_) : shard_.service().limits.write_time);
}

/// The kernel had no room, but it holds fewer bytes than before: the client receives. Room comes in large steps, and a
/// slow client needs longer than write_time for one.
bool h2_connection::client_reads() noexcept {
  if (!unsent_.look(unacknowledged())) return false;
  wait_for_room();
  return true;
}

/// Whether all streams are long-lived. Their clients wait for no end, so they lose nothing.
bool h2_connection::only_long_lived() noexcept {
  for (streams* all : {&open_, &unflushed_}) {
    for (const h2_stream& s : *all)
      if (!s.long_lived()) return false;
  }
  return true;
}

/// The kernel has every byte: the responses in unflushed_ are answered.
void h2_connection::all_sent() noexcept {
  if (std::exchange(answered_early_, false)) {
    for (h2_stream& s : open_)
      if (s.response_ended()) s.sent();
  }
  if (unflushed_.empty()) return;
  set().loop().refresh_now();  // handlers may have taken long, and the silence counts from here
  note_response();
  while (h2_stream* s = unflushed_.pop_front()) {
    s->sent();
    retired_.push_back(*s);
  }
}

}  // namespace lastcall::inline v0::http::detail
