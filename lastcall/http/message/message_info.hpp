// What a head of HTTP/1.1 or HTTP/2 says about its message, apart from the request itself; and how a response body
// ends.
#pragma once

#include <cstdint>
#include <optional>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

/// What a head says about its message and its connection.
struct message_info {
  bool keep_alive = true;  // the client would send another request
  bool http_1_0 = false;
  bool has_body = false;  // chunked, or a Content-Length above zero
  bool chunked = false;
  bool expect_continue = false;  // waits for "100 Continue" before it sends its body
  std::optional<std::uint64_t> content_length;
};

/// How the client learns where a body ends, when it is sent before it is complete.
enum class body_framing : unsigned char { length, chunked, until_close };

}  // namespace lastcall::inline v0::http::detail
