#include "lastcall/http/files/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

using kind = range_result::kind;

/// Digits only, at least one. A number beyond 64 bits is beyond every size as well.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return std::nullopt;
  return error == std::errc::result_out_of_range ? UINT64_MAX : value;
}

/// `some`: `out` is set. `none`: malformed, or all of nothing.
kind read_range(std::string_view text, std::uint64_t size, byte_range& out) noexcept {
  const auto hyphen = text.find('-');
  if (hyphen == std::string_view::npos) return kind::none;
  const auto last = parse_number(text.substr(hyphen + 1));
  if (hyphen == 0) {
    if (!last) return kind::none;
    if (*last == 0) return kind::unsatisfiable;
    if (size == 0) return kind::none;
    out = {size - std::min(*last, size), size - 1};
    return kind::some;
  }
  const auto first = parse_number(text.substr(0, hyphen));
  const bool open = hyphen + 1 == text.size();
  if (!first || (!last && !open) || (last && *last < *first)) return kind::none;
  if (*first >= size) return kind::unsatisfiable;
  out = {*first, open ? size - 1 : std::min(*last, size - 1)};
  return kind::some;
}

}  // namespace

range_result parse_range(std::string_view field, std::uint64_t size) noexcept {
  const auto equals = field.find('=');
  if (equals == std::string_view::npos || !equal_ignoring_case(field.substr(0, equals), "bytes")) return {};

  range_result out;
  std::size_t asked = 0;
  for (std::size_t at = equals; at < field.size();) {
    const auto comma = std::min(field.find(',', at + 1), field.size());
    const auto text = trimmed(field.substr(at + 1, comma - at - 1));
    at = comma;
    if (text.empty()) continue;  // RFC 9110 section 5.6.1.2: empty elements of a list are ignored
    if (++asked > range_result::most) return {};
    byte_range range;
    const kind what = read_range(text, size, range);
    if (what == kind::none) return {};
    if (what == kind::unsatisfiable) continue;
    const auto overlaps = [&](const byte_range& r) { return r.first <= range.last && range.first <= r.last; };
    if (std::any_of(out.ranges.begin(), out.ranges.begin() + out.count, overlaps)) return {};
    out.ranges[out.count++] = range;
  }
  if (asked > 0) out.what = out.count == 0 ? kind::unsatisfiable : kind::some;
  return out;
}

}  // namespace lastcall::inline v0::http::detail
