// The part of h2_connection that the session calls while it reads or writes: each event goes to its stream.
#include <algorithm>
#include <exception>
#include <span>

#include "lastcall/http/h2/h2_connection.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
h2_stream& stream_of(void* stream) noexcept { return *static_cast<h2_stream*>(stream); }

/// Out of memory while bytes are taken in: the stream, not the process.
template <class F> void or_reset(h2_session& session, h2_stream& s, const F& f) noexcept {
  try {
    f();
  } catch (const std::exception&) {
    session.reset(s.id(), h2_error::internal);
  }
}
}  // namespace

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
  if (!ended()) or_reset(session_, stream_of(stream), [&] { stream_of(stream).field(name, value); });
}

void h2_connection::on_head(void* stream, bool is_all) noexcept {
  if (ended()) return;
  or_reset(session_, stream_of(stream), [&] {
    if (stream_of(stream).head(is_all)) to_answer_.push_back(&stream_of(stream));
  });
}

void h2_connection::on_data(void* stream, std::string_view bytes) noexcept {
  if (ended()) return;
  or_reset(session_, stream_of(stream), [&] {
    if (stream_of(stream).data(bytes)) to_answer_.push_back(&stream_of(stream));
  });
}

void h2_connection::on_trailer(void* stream, std::string_view name, std::string_view value) noexcept {
  if (!ended()) or_reset(session_, stream_of(stream), [&] { stream_of(stream).trailer(name, value); });
}

void h2_connection::on_end(void* stream) noexcept {
  if (ended()) return;
  or_reset(session_, stream_of(stream), [&] {
    if (stream_of(stream).ended()) to_answer_.push_back(&stream_of(stream));
  });
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

void h2_connection::on_close(void* stream, h2_error why, bool by_us) noexcept {
  if (ended()) return;
  h2_stream& s = stream_of(stream);
  if (--open_count_ == 0) note_response();  // silence begins here also without one
  if (s.response_ended()) {
    std::replace(to_answer_.begin(), to_answer_.end(), &s, static_cast<h2_stream*>(nullptr));
    streams::erase(s);
    unflushed_.push_back(s);
    return;
  }
  // A client that leaves, or did what a stream must not do: both cost us more than it.
  if (!s.broken() && flood_.exceeds(h2_noise::reset, loop_now())) session_.terminate(h2_error::enhance_your_calm);
  // What we reset a stream for is what its client did, but for a slow one (cancel), or trouble of our own.
  const bool malformed = by_us && why != h2_error::cancel && why != h2_error::internal;
  s.cut(malformed ? request_end::rejected : request_end::abandoned_by_client);
  retire(s);
}

void h2_connection::on_settings() noexcept { settings_received_ = true; }
void h2_connection::on_ping_acknowledged() noexcept { ping_acknowledged_ = true; }
bool h2_connection::on_noise(h2_noise what) noexcept { return flood_.exceeds(what, loop_now()); }
void h2_connection::on_refused(std::int32_t) noexcept { shard_.refused_streams.add(); }

}  // namespace lastcall::inline v0::http::detail
