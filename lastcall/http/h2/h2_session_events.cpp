// What an HTTP/2 connection does with the events of its session. nghttp2 is on the stack in each of these functions: so
// they note what happened, and call no handler. They run inside feed() or flush(), so an output scope is open.
// After the connection has ended, events still arrive until nghttp2 returns: they are ignored.
#include <algorithm>
#include <exception>
#include <span>

#include "lastcall/http/h2/h2_connection.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
h2_stream& stream_of(void* stream) noexcept { return *static_cast<h2_stream*>(stream); }

}  // namespace

/// Gives an event to its stream: `f` returns whether the request can be answered now. Out of memory resets the stream,
/// and does not end the process.
template <class F> void h2_connection::pass_to(void* stream, const F& f) noexcept {
  if (ended()) return;
  h2_stream& s = stream_of(stream);
  try {
    if (f(s)) to_answer_.push_back(&s);
  } catch (const std::exception&) {
    session_.reset(s.id(), h2_error::internal);
  }
}

/// The stream belongs to open_. The session keeps the pointer until on_close().
void* h2_connection::on_begin(std::int32_t id) noexcept {
  if (ended()) return nullptr;
  flood_.head_begins();
  try {
    h2_stream* const s = new h2_stream(*this, id);
    open_.push_back(*s);
    ++open_count_;
    return s;
  } catch (const std::exception&) {  // out of memory
    session_.reset(id, h2_error::refused_stream);
    return nullptr;
  }
}

void h2_connection::on_field(void* stream, std::string_view name, std::string_view value) noexcept {
  pass_to(stream, [&](h2_stream& s) { return s.field(name, value), false; });
}

void h2_connection::on_head(void* stream, bool is_all) noexcept {
  pass_to(stream, [&](h2_stream& s) { return s.head(is_all); });
}

void h2_connection::on_data(void* stream, std::string_view bytes) noexcept {
  pass_to(stream, [&](h2_stream& s) { return s.data(bytes); });
}

void h2_connection::on_trailer(void* stream, std::string_view name, std::string_view value) noexcept {
  pass_to(stream, [&](h2_stream& s) { return s.trailer(name, value), false; });
}

void h2_connection::on_end(void* stream) noexcept {
  pass_to(stream, [](h2_stream& s) { return s.ended(); });
}

h2_output h2_connection::on_output(void* stream, std::span<char> into) noexcept {
  if (ended()) return {h2_output::kind::failed};
  const h2_output got = stream_of(stream).output(into);
  if (got.bytes > 0) last_progress_ = loop_now();
  return got;
}

void h2_connection::on_output_end(void* stream) noexcept {
  if (!ended()) stream_of(stream).output_ended();
}

void h2_connection::on_lost(void* stream) noexcept {
  if (!ended()) stream_of(stream).lost();
}

/// The session forgets the stream. One with a complete response waits in unflushed_ until the kernel has it; every
/// other one ends here.
void h2_connection::on_close(void* stream, h2_error why, bool by_us) noexcept {
  if (ended()) return;
  h2_stream& s = stream_of(stream);
  if (--open_count_ == 0) note_response();  // silence counts from here, also without a response
  if (s.response_ended()) {
    std::replace(to_answer_.begin(), to_answer_.end(), &s, static_cast<h2_stream*>(nullptr));
    streams::erase(s);
    unflushed_.push_back(s);
    return;
  }
  if (s.broken()) return s.sent(), retire(s);
  // The client cancelled, or broke the protocol on this stream: both cost the server more than the client.
  if (why != h2_error::http_1_1_required && flood_.exceeds(h2_noise::reset, loop_now()))
    session_.terminate(h2_error::enhance_your_calm);
  // This side resets for what the client did, except with `cancel` (a slow client) and `internal` (an error here).
  s.cut_short(!by_us || why == h2_error::cancel ? request_end::abandoned_by_client
              : why == h2_error::internal       ? request_end::broken
                                                : request_end::rejected);
  retire(s);
}

void h2_connection::on_settings() noexcept { settings_received_ = true; }
void h2_connection::on_ping_acknowledged() noexcept { ping_acknowledged_ = true; }
bool h2_connection::on_noise(h2_noise what) noexcept { return flood_.exceeds(what, loop_now()); }
void h2_connection::on_refused(std::int32_t) noexcept { shard_.refused_streams.add(); }

}  // namespace lastcall::inline v0::http::detail
