// Responses as HTTP/1.1 bytes, appended to a buffer that may hold a whole pipeline's. Sends nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"
#include "lastcall/http/message/message_info.hpp"

namespace lastcall::inline v0::http {
class response;
}

namespace lastcall::inline v0::http::detail {

/// What the connection, not the handler, decides about a response.
struct framing {
  std::string_view date = {};        // IMF-fixdate, see date_cache
  bool head = false;                 // in answer to HEAD: the length of the body, not the body
  bool close = false;                // `Connection: close`: no further request is read here
  bool http_1_0 = false;             // an HTTP/1.0 client has to be told when the connection is kept
  std::string_view request_id = {};  // X-Request-Id, unless the handler has set one; empty: none
};

/// Appends status line, Date, Content-Length (but not with 204 and 304), Connection where it is needed, the handler's
/// headers and the body. Returns the offset in `out` at which `mark_close` can turn this response into the last one.
std::size_t write_response(std::string& out, const response& r, const framing& f);

/// The head alone, for a body that follows. `f.head`: none follows, the framing is only told. `length` for `length`.
std::size_t write_head(std::string& out, const response& r, const framing& f, body_framing by, std::uint64_t length);

/// 101 of a response that is an upgrade.
void write_switching(std::string& out, const response& r, const framing& f, std::string_view protocol);

/// One chunk; `bytes` not empty.
void write_chunk(std::string& out, std::string_view bytes);
/// The end of a chunked body, with its trailers, each "name: value\r\n".
void write_last_chunk(std::string& out, std::string_view trailers);

/// Adds `Connection: close` to a response already in `out` but not yet sent, at the offset `write_response` gave for it
/// (less what has been removed from the front of `out` since). Moves the bytes behind it; does nothing when it is
/// there.
void mark_close(std::string& out, std::size_t close_at);

/// Says "go on, send the body".   Source: RFC 9110 section 15.2.1.
inline constexpr std::string_view continue_100 = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace lastcall::inline v0::http::detail
