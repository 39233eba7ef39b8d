// How names and values stand in a query or in a form: pairs between "&", each with "+" and "%XX".
#pragma once

#include <string>
#include <string_view>

#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::http::detail {

/// Takes a byte off the front of `encoded`, decoded.
inline char take_form_byte(std::string_view& encoded) noexcept {
  char c = encoded.front();
  std::size_t used = 1;
  if (c == '+') {
    c = ' ';
  } else if (c == '%' && encoded.size() >= 3) {
    const int high = hex_digit(encoded[1]);
    const int low = hex_digit(encoded[2]);
    if (high >= 0 && low >= 0) {
      c = static_cast<char>(high * 16 + low);
      used = 3;
    }
  }
  encoded.remove_prefix(used);
  return c;
}

inline std::string decode_form(std::string_view encoded) {
  std::string out;
  while (!encoded.empty()) out += take_form_byte(encoded);
  return out;
}

/// Whether it is `wanted` once it is decoded. Allocates nothing.
inline bool decodes_to(std::string_view encoded, std::string_view wanted) noexcept {
  for (const char c : wanted)
    if (encoded.empty() || take_form_byte(encoded) != c) return false;
  return encoded.empty();
}

/// Shows `visit` each name and value, not decoded, until it says false.
template <class Visit> void each_form_pair(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(pair.size() == text.size() ? pair.size() : pair.size() + 1);
    const auto equals = pair.find('=');
    const auto value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (!pair.empty() && !visit(pair.substr(0, equals), value)) return;
  }
}

}  // namespace lastcall::inline v0::http::detail
