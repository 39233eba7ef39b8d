// The host and port that a request names. Used by the heads of HTTP/1.1 and HTTP/2.
#pragma once

#include <algorithm>
#include <string_view>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/byte_scan.hpp"

namespace lastcall::inline v0::http::detail {

inline bool is_address_char(char c) noexcept {
  return is_digit(c) || is_alpha(c) || c == ':' || c == '.' || c == '%' || c == '-' || c == '_' || c == '~';
}

/// What may stand in Host, or before the path of an absolute target; `with_port`: host:port, as CONNECT has it.
/// uri-host [":" port], without user information, and without the comma that the grammar allows and a merged double
/// Host would show.   Source: RFC 9110 section 7.2, RFC 3986 section 3.2.
inline bool is_sound_authority(std::string_view text, bool with_port) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at != end && *at == '[') {
    const char* const close = std::find_if_not(at + 1, end, is_address_char);
    if (close == end || *close != ']' || close == at + 1) return false;
    at = close + 1;
  } else {
    at = find_host_end(at, end);
  }
  if (at == end) return !with_port;
  if (*at++ != ':' || end - at > 5 || (with_port && at == end)) return false;
  return std::all_of(at, end, is_digit);
}

}  // namespace lastcall::inline v0::http::detail
