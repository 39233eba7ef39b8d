// Percent decoding and soundness of a path, the plain way: decode all of it, then look. Only to be compared with.
#pragma once

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lastcall::fuzz {

/// Empty when a "%" lacks its two digits.
inline std::optional<std::string> plain_decoded(std::string_view raw) {
  std::string out;
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] != '%') {
      out += raw[at];
      continue;
    }
    const std::string digits(raw.substr(at + 1, 2));
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos || digits.size() != 2) return std::nullopt;
    out += static_cast<char>(std::strtol(digits.c_str(), nullptr, 16));
    at += 2;
  }
  return out;
}

inline std::vector<std::string_view> plain_segments(std::string_view path) {
  std::vector<std::string_view> all;
  for (;;) {
    const auto slash = path.find('/');
    all.push_back(path.substr(0, slash));
    if (slash == path.npos) return all;
    path.remove_prefix(slash + 1);
  }
}

inline bool plain_sound(std::string_view raw) {
  if (!raw.starts_with('/')) return false;
  const auto decoded = plain_decoded(raw);
  if (!decoded || decoded->find('\0') != decoded->npos) return false;
  for (const auto segment : plain_segments(*decoded)) {
    if (segment == "." || segment == "..") return false;
  }
  return true;
}

}  // namespace lastcall::fuzz
