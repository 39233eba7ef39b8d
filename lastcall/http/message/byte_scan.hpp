// How far a run of harmless bytes goes, sixteen at a time where the machine can, without reading beyond the end.
#pragma once

#include <bit>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::http::detail {

#ifdef __SSE2__
/// Sixteen bytes of text. The tests below answer with a bit for each byte for which they do not hold, the first byte's
/// lowest.
class sixteen_bytes {
 public:
  explicit sixteen_bytes(const char* at) noexcept : all_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) {}

  /// What most names are made of: letters, digits and hyphens.
  unsigned not_usual_in_name() const noexcept { return other_than(_mm_or_si128(letter_or_digit(), equal_to('-'))); }
  /// The same of hosts, with dots.
  unsigned not_usual_in_host() const noexcept {
    return other_than(_mm_or_si128(_mm_or_si128(letter_or_digit(), equal_to('-')), equal_to('.')));
  }
  /// As is_control, but the tab is one, too.
  unsigned controls() const noexcept {
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(all_, _mm_set1_epi8(0x1f)), all_);
    return mask(_mm_or_si128(low, equal_to(0x7f)));
  }
  /// As is_plain_in_target.
  unsigned not_plain_in_target() const noexcept {
    const __m128i graphic = _mm_cmpgt_epi8(all_, _mm_set1_epi8(0x20));  // signed: not from 0x80 on
    const __m128i marks = _mm_or_si128(_mm_or_si128(equal_to('#'), equal_to('?')), equal_to(0x7f));
    return other_than(_mm_andnot_si128(marks, graphic));
  }

 private:
  static unsigned mask(__m128i bytes) noexcept { return static_cast<unsigned>(_mm_movemask_epi8(bytes)); }
  static unsigned other_than(__m128i bytes) noexcept { return mask(bytes) ^ 0xffff; }
  static __m128i from_to(__m128i bytes, char first, char last) noexcept {
    const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(last - first))), above);
  }
  __m128i equal_to(char c) const noexcept { return _mm_cmpeq_epi8(all_, _mm_set1_epi8(c)); }
  __m128i letter_or_digit() const noexcept {
    return _mm_or_si128(from_to(_mm_or_si128(all_, _mm_set1_epi8(0x20)), 'a', 'z'), from_to(all_, '0', '9'));
  }

  __m128i all_;
};
#endif

#ifdef __SSE2__
/// Moves `at` over what `Unusual` does not name, and over what it names and `Fits` allows, while sixteen are left.
/// True: it stopped at a byte that does not fit.
template <auto Unusual, auto Fits>
[[gnu::always_inline]] inline bool stops_in_sixteens(const char*& at, const char* end) noexcept {
  while (end - at >= 16) {
    const unsigned other = (sixteen_bytes(at).*Unusual)();
    if (!other) {
      at += 16;
      continue;
    }
    at += std::countr_zero(other);
    if (!Fits(*at)) return true;
    ++at;
  }
  return false;
}
#endif

/// The first byte that is no token character, or `end`.
inline const char* find_token_end(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  if (stops_in_sixteens<&sixteen_bytes::not_usual_in_name, is_token_char>(at, end)) return at;
#endif
  while (at != end && is_token_char(*at)) ++at;
  return at;
}

/// The first byte that no field value may hold, or `end`.
inline const char* find_control(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  if (stops_in_sixteens<&sixteen_bytes::controls, is_space>(at, end)) return at;
#endif
  while (at != end && !is_control(*at)) ++at;
  return at;
}

/// No white space, no control, ASCII, and neither a query's nor a fragment's beginning.
constexpr bool is_plain_in_target(char c) noexcept { return c > 0x20 && c < 0x7f && c != '#' && c != '?'; }

/// The first byte that is not plain in a request target, or `end`.
inline const char* find_target_mark(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    if (const unsigned found = sixteen_bytes(at).not_plain_in_target()) return at + std::countr_zero(found);
  }
#endif
  while (at != end && is_plain_in_target(*at)) ++at;
  return at;
}

inline constexpr auto host_table = table_of_letters_digits_and("-._~%!$&'()*+;=");

/// The characters of a host without brackets, except the comma.   Source: RFC 3986 section 3.2.2.
constexpr bool is_host_char(char c) noexcept { return host_table[static_cast<unsigned char>(c)]; }

/// The first byte that is no host character, or `end`.
inline const char* find_host_end(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  if (stops_in_sixteens<&sixteen_bytes::not_usual_in_host, is_host_char>(at, end)) return at;
#endif
  while (at != end && is_host_char(*at)) ++at;
  return at;
}

}  // namespace lastcall::inline v0::http::detail
