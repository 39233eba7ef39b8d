// One HTTP/2 connection's framing, header compression and flow control: nghttp2's session, in memory. Bytes in, events
// out; responses in, bytes out. Knows no socket, no handler and no request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"
#include "lastcall/http/h2/h2_flood.hpp"

struct nghttp2_session;

namespace lastcall::inline v0::http::detail {

/// Codes of RST_STREAM and GOAWAY.   Source: RFC 9113 section 7.
enum class h2_error : std::uint32_t {
  none = 0,
  protocol = 1,
  internal = 2,
  settings_timeout = 4,
  stream_closed = 5,
  refused_stream = 7,
  cancel = 8,
  enhance_your_calm = 11,
  http_1_1_required = 13,
};

/// What comes of asking for more of a response's body.
struct h2_output {
  enum class kind : std::uint8_t {
    more,      ///< `bytes` were written, others follow
    wait,      ///< nothing is there yet: h2_session::resume
    end,       ///< `bytes` were written, and that was all
    trailers,  ///< `bytes` were written, and trailers were or will be submitted
    failed,    ///< it can't be finished: the stream is reset
  };
  kind what = kind::wait;
  std::size_t bytes = 0;
};

/// The events of a session. `stream` is what `on_begin` returned. They are called inside `receive` and `send`, and may
/// call every function of the session except those two.
class h2_events {
 public:
  /// A request begins. After null, no event of it follows.
  virtual void* on_begin(std::int32_t id) noexcept = 0;
  virtual void on_field(void* stream, std::string_view name, std::string_view value) noexcept = 0;
  virtual void on_head(void* stream, bool ended) noexcept = 0;
  virtual void on_data(void* stream, std::string_view bytes) noexcept = 0;
  virtual void on_trailer(void* stream, std::string_view name, std::string_view value) noexcept = 0;
  /// The request is complete; it had a body or trailers.
  virtual void on_end(void* stream) noexcept = 0;
  virtual h2_output on_output(void* stream, std::span<char> into) noexcept = 0;
  /// The last frame of the response is in what `send` appends.
  virtual void on_output_end(void* stream) noexcept = 0;
  /// A head or trailers of a response can't be sent, and nghttp2 has dropped them: the client would wait for ever.
  virtual void on_lost(void* stream) noexcept = 0;
  /// The last event of a stream: the client reset it, this side did (`by_us`), or both sides have ended.
  virtual void on_close(void* stream, h2_error why, bool by_us) noexcept = 0;
  /// The client's settings came, or its acknowledgement of our PING.
  virtual void on_settings() noexcept = 0;
  virtual void on_ping_acknowledged() noexcept = 0;
  /// Returns whether it was too much: then the session ends.
  virtual bool on_noise(h2_noise what) noexcept = 0;
  /// A stream that came after the last one of our GOAWAY was refused.
  virtual void on_refused(std::int32_t id) noexcept = 0;

 protected:
  ~h2_events() = default;
};

struct h2_settings {
  std::uint32_t max_streams = 100;                ///< open at once
  std::uint32_t head_bytes = 16 * 1024;           ///< told to the client; h2_head enforces it
  std::uint32_t connection_window = 1024 * 1024;  ///< of bytes that no stream has consumed
};

/// One field of a response or of trailers. Names in any case; sent in small letters.
struct h2_field {
  std::string_view name;
  std::string_view value;
};

/// Errors: what a client does wrong ends the stream or the session, as RFC 9113 asks; it is never thrown. Out of memory
/// ends the session.
class h2_session {
 public:
  /// Not `ok` when there was no memory.
  h2_session(h2_events& to, const h2_settings& settings) noexcept;
  ~h2_session();
  h2_session& operator=(h2_session&&) = delete;
  bool ok() const noexcept { return session_ != nullptr; }

  void receive(std::string_view bytes) noexcept;
  /// Appends what is to be sent, up to about `most` bytes. Whether there may be more.   Errors: std::bad_alloc.
  bool send(std::string& out, std::size_t most);
  /// The session has ended: nothing more is read, and `send` appends only what is left.
  bool over() const noexcept;

  /// The whole head. `body`: on_output is then called for the body. `fields` and their text are not kept.
  bool respond(std::int32_t id, int status, std::span<const h2_field> fields, bool body) noexcept;
  bool respond_continue(std::int32_t id) noexcept;
  /// Whether a head or trailers of these lines, each "name: value\r\n", can be sent. nghttp2 drops more than 64 KiB.
  static bool can_send(std::string_view header_lines) noexcept;
  bool trailers(std::int32_t id, std::span<const h2_field> fields) noexcept;
  /// on_output has bytes again, after it returned `wait`.
  void resume(std::int32_t id) noexcept;
  void reset(std::int32_t id, h2_error why) noexcept;
  /// The window of this stream is open. The window of the connection may still be closed.
  bool has_window(std::int32_t id) const noexcept;
  /// That many bytes of on_data were used: the client may send as many again (flow control).
  void consume(std::int32_t id, std::size_t bytes) noexcept;
  /// The same, where the stream is gone.
  void consume_connection(std::size_t bytes) noexcept;

  /// GOAWAY with the largest id, and PING.
  void notice() noexcept;
  /// GOAWAY with the last stream that began; later ones are refused, those before are finished.
  void last() noexcept;
  /// GOAWAY with an error, and nothing more.
  void terminate(h2_error why) noexcept;

 private:
  struct callbacks;
  struct release {
    void operator()(nghttp2_session*) const noexcept;
  };

  h2_events& to_;
  std::unique_ptr<nghttp2_session, release> session_;
  struct numbers {
    std::int32_t first = 0, last = 0;
  };

  void begins(std::int32_t id) noexcept;
  void handed(int result) noexcept;

  std::int32_t last_begun_ = 0;
  std::array<numbers, 32> unused_{};  // of streams that the client passed over lately: it must not use them any more
  std::size_t next_unused_ = 0;
  bool refusing_ = false;                 // a GOAWAY with the last stream was sent: later ones are refused
  h2_error fault_ = h2_error::none;       // why a callback of ours ended it
  std::array<std::int32_t, 64> ended_{};  // streams that the client ended lately: it must send nothing more on them
  std::size_t next_ended_ = 0;
  std::int32_t reset_ = 0;  // the last stream that this side reset, to tell on_close() who did it
  bool finished_ = false;   // nothing is read any more
  std::uint32_t refused_ = 0;
  std::vector<std::int32_t> to_refuse_;
};

}  // namespace lastcall::inline v0::http::detail
