// Whether a text is UTF-8, whole or in pieces: log, JSON and WebSockets send only valid text. Decodes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

/// For a text that comes in pieces. Says no at the first byte after which no text could be valid.
/// Source: The Unicode Standard, table 3-7.
class utf8_check {
 public:
  /// False: it is not, whatever follows.
  bool feed(std::string_view piece) noexcept {
    const char* at = piece.data();
    const char* const end = at + piece.size();
    while (at != end) {
      if (left_ == 0) {
        std::uint64_t eight;  // most text is ASCII for long stretches
        while (end - at >= 8 && (std::memcpy(&eight, at, 8), (eight & 0x8080808080808080U) == 0)) at += 8;
        if (at == end) break;
      }
      if (!step(*at++)) return false;
    }
    return true;
  }
  /// The same for one byte.
  constexpr bool step(char next) noexcept {
    const auto byte = static_cast<unsigned char>(next);
    if (left_ > 0) {
      if (byte < low_ || byte > high_) return false;
      --left_;
      low_ = 0x80;
      high_ = 0xbf;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    low_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;   // shorter forms exist
    high_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;  // surrogates; beyond U+10FFFF
    return true;
  }
  /// No sequence is open: the text may end here.
  constexpr bool complete() const noexcept { return left_ == 0; }

 private:
  std::uint8_t left_ = 0, low_ = 0x80, high_ = 0xbf;
};

inline bool is_utf8(std::string_view text) noexcept {
  utf8_check check;
  return check.feed(text) && check.complete();
}

/// The length of the sequence at the front of a text: 1 to 4, or 0 when the text does not begin with a valid one.
constexpr std::size_t utf8_length(std::string_view text) noexcept {
  utf8_check check;
  for (std::size_t i = 0; i < text.size() && check.step(text[i]); ++i)
    if (check.complete()) return i + 1;
  return 0;
}

}  // namespace lastcall::inline v0::detail
