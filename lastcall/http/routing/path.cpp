#include "lastcall/http/routing/path.hpp"

#include <algorithm>
#include <cstddef>

#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

/// The byte at `raw[at]`, decoded; `at` moves behind it.
char next_byte(std::string_view raw, std::size_t& at) noexcept {
  if (raw[at] != '%') return raw[at++];
  const int value = hex_digit(raw[at + 1]) * 16 + hex_digit(raw[at + 2]);
  at += 3;
  return static_cast<char>(value);
}

}  // namespace

bool is_sound_path(std::string_view path) noexcept {
  if (path.empty() || path.front() != '/') return false;
  constexpr auto matters = [](char c) { return c == '%' || c == '.' || c == '\0'; };
  if (std::none_of(path.begin(), path.end(), matters)) return true;
  std::size_t dots = 0, others = 0;
  const auto dot_segment = [&] { return others == 0 && (dots == 1 || dots == 2); };
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] == '%' && (path.size() - at < 3 || hex_digit(path[at + 1]) < 0 || hex_digit(path[at + 2]) < 0)) {
      return false;
    }
    const char c = next_byte(path, at);
    if (c == '\0') return false;
    if (c == '/') {
      if (dot_segment()) return false;
      dots = others = 0;
    } else {
      ++(c == '.' ? dots : others);
    }
  }
  return !dot_segment();
}

void append_decoded(std::string& out, std::string_view raw) {
  for (std::size_t at = 0; at < raw.size();) out += next_byte(raw, at);
}

}  // namespace lastcall::inline v0::http::detail
