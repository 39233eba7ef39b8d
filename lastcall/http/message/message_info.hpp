// What a head of HTTP/1.1 or HTTP/2 says about its message, apart from the request itself; and how a response body
// ends.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

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

/// The value of a Content-Length: digits only, and no more than 64 bits can hold.   Source: RFC 9110 section 8.6.
inline std::optional<std::uint64_t> parse_content_length(std::string_view text) noexcept {
  std::uint64_t length = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, length);
  return error == std::errc() && stop == end ? std::optional(length) : std::nullopt;
}

/// How the client learns where a body ends, when it is sent before it is complete.
enum class body_framing : unsigned char { length, chunked, until_close };

}  // namespace lastcall::inline v0::http::detail
