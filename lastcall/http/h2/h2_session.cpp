// nghttp2's session behind our events. nghttp2 is a C library: its callbacks are static functions, and `user` is the
// session. Errors of the client end a stream or the session as RFC 9113 says. nghttp2 decides most of them; those it
// does not find are in `callbacks`: floods, frames on streams that the client has ended, streams after GOAWAY.
#include "lastcall/http/h2/h2_session.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>

namespace lastcall::inline v0::http::detail {

namespace {

constexpr std::array<std::uint8_t, 8> ping_text{'l', 'a', 's', 't', 'c', 'a', 'l', 'l'};
constexpr std::int32_t largest_id = 0x7fffffff;
// For each connection: a client that continues after so many reads neither GOAWAY nor RST_STREAM.
constexpr std::uint32_t most_refused = 1000;

std::string_view text_of(nghttp2_rcbuf* buffer) noexcept {
  const nghttp2_vec v = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(v.base), v.len};
}

nghttp2_nv pair(std::string_view name, std::string_view value) noexcept {
  // nghttp2 copies both, and makes the name small.
  const auto bytes = [](std::string_view s) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(s.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// Fields as nghttp2 takes them, valid until the next call on this thread.   Errors: std::bad_alloc.
std::vector<nghttp2_nv>& name_values(std::span<const h2_field> fields, std::string_view status = {}) {
  thread_local std::vector<nghttp2_nv> all;
  all.clear();
  if (!status.empty()) all.push_back(pair(":status", status));
  for (const h2_field& f : fields) all.push_back(pair(f.name, f.value));
  return all;
}

}  // namespace

/// nghttp2's callbacks. One that fails ends `receive`, which then sends GOAWAY with fault_.
struct h2_session::callbacks {
  static h2_session& session_of(void* user) noexcept { return *static_cast<h2_session*>(user); }
  static void* stream_of(nghttp2_session* s, std::int32_t id) noexcept {
    return nghttp2_session_get_stream_user_data(s, id);
  }
  static int noise(h2_session& me, h2_noise what) noexcept {
    return me.to_.on_noise(what) ? fault(me, h2_error::enhance_your_calm) : 0;
  }
  static int fault(h2_session& me, h2_error what) noexcept {
    me.fault_ = what;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  /// Whether the client has ended this stream before, and may send nothing more on it. nghttp2 forgets a closed stream
  /// and skips its frames, which is right only for a stream that this side has reset.
  static bool has_ended(h2_session& me, const nghttp2_frame_hd& hd) noexcept {
    return hd.stream_id <= me.last_begun_ && hd.stream_id > 0 &&
           std::find(me.ended_.begin(), me.ended_.end(), hd.stream_id) != me.ended_.end();
  }

  /// Source: RFC 9113 section 5.1.1: the first use of a number closes all lower ones that were not used.
  static bool was_passed_over(const h2_session& me, std::int32_t id) noexcept {
    return id < me.last_begun_ &&
           std::ranges::any_of(me.unused_, [id](const numbers& n) { return n.first <= id && id <= n.last; });
  }
  /// Counts each frame that may be part of a flood, before nghttp2 works on it.
  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* hd, void* user) noexcept {
    h2_session& me = session_of(user);
    switch (hd->type) {
      case NGHTTP2_PING:
        return (hd->flags & NGHTTP2_FLAG_ACK) ? 0 : noise(me, h2_noise::ping);
      case NGHTTP2_SETTINGS:
        return (hd->flags & NGHTTP2_FLAG_ACK) ? 0 : noise(me, h2_noise::settings);
      case NGHTTP2_PRIORITY:
      case NGHTTP2_PRIORITY_UPDATE:
        if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0) return fault(me, h2_error::protocol);
        return noise(me, h2_noise::priority);
      case NGHTTP2_CONTINUATION:
        return noise(me, h2_noise::continuation);
      case NGHTTP2_DATA:
        if (has_ended(me, *hd)) return fault(me, h2_error::stream_closed);
        return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM) ? noise(me, h2_noise::empty_data) : 0;
      case NGHTTP2_HEADERS:
        if (has_ended(me, *hd)) return fault(me, h2_error::stream_closed);
        if (was_passed_over(me, hd->stream_id)) return fault(me, h2_error::protocol);
        // nghttp2 skips what comes after our GOAWAY without a word; the client must know that it may send it again.
        if (me.refusing_ && hd->stream_id > me.last_begun_ && hd->stream_id % 2 == 1 && me.refused_ < most_refused) {
          me.begins(hd->stream_id);
          ++me.refused_;
          me.to_.on_refused(hd->stream_id);
          try {
            me.to_refuse_.push_back(hd->stream_id);  // nghttp2 does not know of it yet, and would not reset it
          } catch (const std::exception&) {          // out of memory: it is above the last stream, anyway
          }
        }
        return 0;
      default:
        return 0;
    }
  }

  /// A request begins.
  static int begin_headers(nghttp2_session* s, const nghttp2_frame* f, void* user) noexcept {
    if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    h2_session& me = session_of(user);
    me.begins(f->hd.stream_id);
    // RFC 9218's default would send one response to its end before the next begins. What the client asks for counts.
    const nghttp2_extpri in_turns{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
    nghttp2_session_change_extpri_stream_priority(s, f->hd.stream_id, &in_turns, 0);
    nghttp2_session_set_stream_user_data(s, f->hd.stream_id, me.to_.on_begin(f->hd.stream_id));
    return 0;
  }

  static int header(nghttp2_session* s, const nghttp2_frame* f, nghttp2_rcbuf* name, nghttp2_rcbuf* value, std::uint8_t,
                    void* user) noexcept {
    void* const stream = stream_of(s, f->hd.stream_id);
    if (!stream || f->hd.type != NGHTTP2_HEADERS) return 0;
    if (f->headers.cat == NGHTTP2_HCAT_REQUEST) {
      session_of(user).to_.on_field(stream, text_of(name), text_of(value));
    } else {
      session_of(user).to_.on_trailer(stream, text_of(name), text_of(value));
    }
    return 0;
  }

  /// Resets the stream. nghttp2 by itself drops the field and continues; but when a proxy and a server read one message
  /// differently, requests can be smuggled.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*, std::uint8_t,
                            void*) noexcept {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  /// A frame is complete: notes the ends of streams.
  static int frame_received(nghttp2_session* s, const nghttp2_frame* f, void* user) noexcept {
    h2_session& me = session_of(user);
    switch (f->hd.type) {
      case NGHTTP2_SETTINGS:
        if (!(f->hd.flags & NGHTTP2_FLAG_ACK)) me.to_.on_settings();
        return 0;
      case NGHTTP2_PING:
        if ((f->hd.flags & NGHTTP2_FLAG_ACK) && std::equal(ping_text.begin(), ping_text.end(), f->ping.opaque_data))
          me.to_.on_ping_acknowledged();
        return 0;
      case NGHTTP2_RST_STREAM:
        me.ended_[me.next_ended_++ % me.ended_.size()] = f->hd.stream_id;
        return 0;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) me.ended_[me.next_ended_++ % me.ended_.size()] = f->hd.stream_id;
        break;
      default:
        return 0;
    }
    void* const stream = stream_of(s, f->hd.stream_id);
    if (!stream) return 0;
    const bool ended = f->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST) {
      me.to_.on_head(stream, ended);
    } else if (ended) {
      me.to_.on_end(stream);
    }
    return 0;
  }

  /// Bytes of a stream that ended are acknowledged at once: otherwise the window of the connection would shrink.
  static int data(nghttp2_session* s, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                  void* user) noexcept {
    if (void* const stream = stream_of(s, id)) {
      session_of(user).to_.on_data(stream, {reinterpret_cast<const char*>(bytes), size});
    } else {
      session_of(user).handed(nghttp2_session_consume(s, id, size));
    }
    return 0;
  }

  /// A frame is in the output of `send`.
  static int frame_sent(nghttp2_session* s, const nghttp2_frame* f, void* user) noexcept {
    // Behind the GOAWAY, so that its acknowledgement says that the client has seen that; nghttp2 would send it first.
    if (f->hd.type == NGHTTP2_GOAWAY && f->goaway.last_stream_id == largest_id)
      session_of(user).handed(nghttp2_submit_ping(s, NGHTTP2_FLAG_NONE, ping_text.data()));
    if (f->hd.type == NGHTTP2_RST_STREAM) session_of(user).reset_ = f->hd.stream_id;
    if ((f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA) || !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
      return 0;
    if (void* const stream = stream_of(s, f->hd.stream_id)) session_of(user).to_.on_output_end(stream);
    return 0;
  }

  /// A frame that was handed in will never be sent. Where the stream or the session ends, nothing is lost by that.
  static int frame_not_sent(nghttp2_session* s, const nghttp2_frame* f, int why, void* user) noexcept {
    const bool ends =
        why == NGHTTP2_ERR_STREAM_CLOSED || why == NGHTTP2_ERR_STREAM_CLOSING || why == NGHTTP2_ERR_SESSION_CLOSING;
    if (f->hd.type != NGHTTP2_HEADERS || ends) return 0;
    if (void* const stream = stream_of(s, f->hd.stream_id)) session_of(user).to_.on_lost(stream);
    return 0;
  }
  /// The last callback of a stream. After it the pointer to the stream is not used any more.
  static int stream_closed(nghttp2_session* s, std::int32_t id, std::uint32_t why, void* user) noexcept {
    if (void* const stream = stream_of(s, id)) {
      nghttp2_session_set_stream_user_data(s, id, nullptr);
      session_of(user).to_.on_close(stream, static_cast<h2_error>(why), session_of(user).reset_ == id);
    }
    return 0;
  }

  /// nghttp2 asks for bytes of a body, when the windows are open.
  static ssize_t output(nghttp2_session* s, std::int32_t id, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                        nghttp2_data_source*, void* user) noexcept {
    void* const stream = stream_of(s, id);
    if (!stream) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const h2_output got = session_of(user).to_.on_output(stream, {reinterpret_cast<char*>(into), size});
    switch (got.what) {
      case h2_output::kind::wait:
        return NGHTTP2_ERR_DEFERRED;
      case h2_output::kind::failed:
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      case h2_output::kind::trailers:
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        break;
      case h2_output::kind::end:
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        break;
      case h2_output::kind::more:
        break;
    }
    return static_cast<ssize_t>(got.bytes);
  }

  /// The same for all sessions, so made once.
  static const nghttp2_session_callbacks* all() noexcept {
    static const std::unique_ptr<nghttp2_session_callbacks, void (*)(nghttp2_session_callbacks*)> made(
        [] {
          nghttp2_session_callbacks* c = nullptr;
          if (nghttp2_session_callbacks_new(&c) != 0) return c;
          nghttp2_session_callbacks_set_on_begin_frame_callback(c, begin_frame);
          nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
          nghttp2_session_callbacks_set_on_header_callback2(c, header);
          nghttp2_session_callbacks_set_on_invalid_header_callback2(c, invalid_header);
          nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_received);
          nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data);
          nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_sent);
          nghttp2_session_callbacks_set_on_frame_not_send_callback(c, frame_not_sent);
          nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
          return c;
        }(),
        nghttp2_session_callbacks_del);
    return made.get();
  }
};

void h2_session::release::operator()(nghttp2_session* s) const noexcept { nghttp2_session_del(s); }

h2_session::h2_session(h2_events& to, const h2_settings& settings) noexcept : to_(to) {
  nghttp2_option* raw = nullptr;
  if (!callbacks::all() || nghttp2_option_new(&raw) != 0) return;
  const std::unique_ptr<nghttp2_option, void (*)(nghttp2_option*)> options(raw, nghttp2_option_del);
  nghttp2_option_set_no_auto_window_update(options.get(), 1);
  nghttp2_option_set_max_settings(options.get(), 32);
  nghttp2_option_set_max_outbound_ack(options.get(), 200);
  nghttp2_session* made = nullptr;
  if (nghttp2_session_server_new2(&made, callbacks::all(), this, options.get()) != 0) return;
  session_.reset(made);
  const std::array<nghttp2_settings_entry, 3> told{{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.max_streams},
                                                    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.head_bytes},
                                                    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}}};
  if (nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, told.data(), told.size()) != 0 ||
      nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0,
                                            static_cast<std::int32_t>(settings.connection_window)) != 0)
    session_.reset();
}

h2_session::~h2_session() = default;

/// Notes the numbers between the last request and this one.
void h2_session::begins(std::int32_t id) noexcept {
  if (id <= last_begun_) return;
  const std::int32_t next = last_begun_ == 0 ? 1 : last_begun_ + 2;
  if (id > next) unused_[next_unused_++ % unused_.size()] = {next, id - 2};
  last_begun_ = id;
}

/// Ends the session with GOAWAY if nghttp2 or a callback fails. Streams to refuse are reset afterwards: inside the
/// callback nghttp2 does not know them yet.
void h2_session::receive(std::string_view bytes) noexcept {
  if (finished_ || over()) return;
  const ssize_t taken =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  for (const std::int32_t id : to_refuse_) reset(id, h2_error::refused_stream);
  to_refuse_.clear();
  if (taken >= 0) return;
  if (fault_ != h2_error::none) return terminate(fault_);
  switch (taken) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      return terminate(h2_error::protocol);
    case NGHTTP2_ERR_NOMEM:
    case NGHTTP2_ERR_INVALID_STATE:
    case NGHTTP2_ERR_CALLBACK_FAILURE:
      return terminate(h2_error::internal);
    default:  // limits of nghttp2's own, of which not every version has a name for each
      return terminate(h2_error::enhance_your_calm);
  }
}

/// nghttp2 gives one frame or a few for each call; its memory is valid until the next call, so they are copied.
bool h2_session::send(std::string& out, std::size_t most) {
  const std::size_t full = out.size() + most;
  while (out.size() < full) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size <= 0) {
      finished_ = finished_ || size < 0;
      return false;
    }
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  return true;
}

/// nghttp2 wants neither to read nor to write once GOAWAY was sent and no stream is open.
bool h2_session::over() const noexcept {
  return finished_ ||
         (nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0);
}

bool h2_session::respond(std::int32_t id, int status, std::span<const h2_field> fields, bool body) noexcept {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, status).ptr;
  try {
    const auto& all = name_values(fields, {digits, end});
    const nghttp2_data_provider from{.source = {}, .read_callback = callbacks::output};
    return nghttp2_submit_response(session_.get(), id, all.data(), all.size(), body ? &from : nullptr) == 0;
  } catch (const std::exception&) {  // out of memory
    return false;
  }
}

/// As nghttp2_hd_deflate_bound() counts, with room for the fields that are the server's.
bool h2_session::can_send(std::string_view header_lines) noexcept {
  constexpr std::size_t most = 64 * 1024, own = 512, of_field = 12, not_sent = 4;  // ": " and the line's end
  const auto lines = static_cast<std::size_t>(std::ranges::count(header_lines, '\n'));
  return header_lines.size() + lines * (of_field - not_sent) + own <= most;
}

/// What was handed to nghttp2 and is not there, since memory is out, ends the session: so nobody waits for it.
void h2_session::handed(int result) noexcept { finished_ = finished_ || nghttp2_is_fatal(result); }

bool h2_session::respond_continue(std::int32_t id) noexcept {
  const nghttp2_nv status = pair(":status", "100");
  return nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, id, nullptr, &status, 1, nullptr) == 0;
}

bool h2_session::trailers(std::int32_t id, std::span<const h2_field> fields) noexcept {
  try {
    const auto& all = name_values(fields);
    return nghttp2_submit_trailer(session_.get(), id, all.data(), all.size()) == 0;
  } catch (const std::exception&) {  // out of memory
    return false;
  }
}

void h2_session::resume(std::int32_t id) noexcept { handed(nghttp2_session_resume_data(session_.get(), id)); }

void h2_session::reset(std::int32_t id, h2_error why) noexcept {
  handed(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(why)));
}

bool h2_session::has_window(std::int32_t id) const noexcept {
  return nghttp2_session_get_stream_remote_window_size(session_.get(), id) > 0;
}

void h2_session::consume(std::int32_t id, std::size_t bytes) noexcept {
  if (bytes > 0) handed(nghttp2_session_consume(session_.get(), id, bytes));
}

void h2_session::consume_connection(std::size_t bytes) noexcept {
  if (bytes > 0) handed(nghttp2_session_consume_connection(session_.get(), bytes));
}

void h2_session::notice() noexcept { handed(nghttp2_submit_shutdown_notice(session_.get())); }

void h2_session::last() noexcept {
  if (refusing_) return;
  // Not the last that was processed: one whose head is incomplete has been begun, and is finished.
  handed(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last_begun_, NGHTTP2_NO_ERROR, nullptr, 0));
  refusing_ = true;
}

void h2_session::terminate(h2_error why) noexcept {
  if (nghttp2_session_terminate_session(session_.get(), static_cast<std::uint32_t>(why)) != 0) finished_ = true;
}

}  // namespace lastcall::inline v0::http::detail
