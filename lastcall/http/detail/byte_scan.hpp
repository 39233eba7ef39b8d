// How far a run of harmless bytes goes, eight or sixteen at a time, without reading beyond the end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lastcall/core/namespace.hpp"
#include "lastcall/http/detail/ascii.hpp"

namespace lastcall::inline v0::http::detail {

/// Eight bytes of text as one number. The tests below answer with the high bit of each byte for which they hold.
class eight_bytes {
 public:
  static constexpr std::uint64_t ones = 0x0101010101010101, high = ones << 7, low = ~high;

  explicit eight_bytes(const char* at) noexcept { std::memcpy(&all_, at, 8); }

  std::uint64_t not_ascii() const noexcept { return all_ & high; }
  /// ASCII below, and from `limit` on, which is 1 to 0x80. No sum leaves its byte: 0x7f + 0x7f < 0x100.
  std::uint64_t below(unsigned limit) const noexcept { return ~from_or_more(limit) & ~all_ & high; }
  std::uint64_t from(unsigned limit) const noexcept { return from_or_more(limit) & ~all_ & high; }
  std::uint64_t equal_to(unsigned char c) const noexcept {
    const std::uint64_t other = all_ ^ (ones * c);
    return ~(((other & low) + low) | other) & high;
  }

  /// Which of the eight is the first that an answer names.
  static int first(std::uint64_t answer) noexcept {
    return (std::endian::native == std::endian::little ? std::countr_zero(answer) : std::countl_zero(answer)) / 8;
  }

 private:
  std::uint64_t from_or_more(unsigned limit) const noexcept { return (all_ & low) + ones * (0x80 - limit); }

  std::uint64_t all_;
};

/// One past the last place where `count` bytes are left.
inline const char* stop_before(const char* at, const char* end, std::ptrdiff_t count) noexcept {
  return end - at < count ? at : end - count + 1;
}

/// The first byte that is no token character, or `end`.
inline const char* find_token_end(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  // Most names are letters, digits and hyphens, and end within sixteen bytes.
  for (const char* const stop = stop_before(at, end, 16); at < stop;) {
    const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto from_to = [](__m128i bytes, char first, char last) {
      const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
      return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(last - first))), above);
    };
    const __m128i usual =
        _mm_or_si128(_mm_or_si128(from_to(_mm_or_si128(here, _mm_set1_epi8(0x20)), 'a', 'z'), from_to(here, '0', '9')),
                     _mm_cmpeq_epi8(here, _mm_set1_epi8('-')));
    const unsigned other = static_cast<unsigned>(_mm_movemask_epi8(usual)) ^ 0xffff;
    if (!other) {
      at += 16;
      continue;
    }
    at += std::countr_zero(other);
    if (!is_token_char(*at)) return at;
    ++at;
  }
#endif
  for (const char* const stop = stop_before(at, end, 4); at < stop; at += 4) {
    if (!is_token_char(at[0])) return at;
    if (!is_token_char(at[1])) return at + 1;
    if (!is_token_char(at[2])) return at + 2;
    if (!is_token_char(at[3])) return at + 3;
  }
  while (at != end && is_token_char(*at)) ++at;
  return at;
}

/// The first byte that no field value may hold, or `end`.
inline const char* find_control(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  for (const char* const stop = stop_before(at, end, 16); at < stop;) {
    const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(here, _mm_set1_epi8(0x1f)), here);
    const auto found =
        static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(here, _mm_set1_epi8(0x7f)))));
    if (!found) {
      at += 16;
      continue;
    }
    at += std::countr_zero(found);
    if (*at != '\t') return at;
    ++at;
  }
#endif
  for (const char* const stop = stop_before(at, end, 8); at < stop;) {
    const eight_bytes here(at);
    const std::uint64_t found = here.below(0x20) | here.from(0x7f);
    if (!found) {
      at += 8;
      continue;
    }
    at += eight_bytes::first(found);
    if (*at != '\t') return at;
    ++at;
  }
  while (at != end && !is_control(*at)) ++at;
  return at;
}

/// No white space, no control, ASCII, and neither a query's nor a fragment's beginning.
constexpr bool is_plain_in_target(char c) noexcept { return c > 0x20 && c < 0x7f && c != '#' && c != '?'; }

/// The first byte that is not plain in a request target, or `end`.
inline const char* find_target_mark(const char* at, const char* end) noexcept {
  for (const char* const stop = stop_before(at, end, 8); at < stop; at += 8) {
    const eight_bytes here(at);
    const std::uint64_t found =
        here.below(0x21) | here.from(0x7f) | here.not_ascii() | here.equal_to('#') | here.equal_to('?');
    if (found) return at + eight_bytes::first(found);
  }
  while (at != end && is_plain_in_target(*at)) ++at;
  return at;
}

}  // namespace lastcall::inline v0::http::detail
