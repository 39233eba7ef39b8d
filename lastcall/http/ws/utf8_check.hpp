// Whether a text that comes in pieces is UTF-8. Decodes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

/// Says no at the first byte after which no text could be valid.   Source: The Unicode Standard, table 3-7.
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
      if (!step(static_cast<unsigned char>(*at++))) return false;
    }
    return true;
  }
  /// No sequence is open: the text may end here.
  bool complete() const noexcept { return left_ == 0; }

 private:
  bool step(unsigned char byte) noexcept {
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

  std::uint8_t left_ = 0, low_ = 0x80, high_ = 0xbf;
};

}  // namespace lastcall::inline v0::http::detail
