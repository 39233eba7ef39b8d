// Range headers against a reader that splits the text and counts wide. The input is a size, a line feed and the header.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/http/files/byte_range.hpp"
#include "lastcall/http/message/ascii.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lastcall::fuzz {
namespace {

using http::detail::byte_range;
using http::detail::range_result;
using kind = range_result::kind;
__extension__ using wide = unsigned __int128;

/// What is beyond 64 bits counts as the largest that is not.
std::optional<wide> number(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  wide value = 0;
  for (const char c : text) value = std::min<wide>(UINT64_MAX, value * 10 + static_cast<wide>(c - '0'));
  return value;
}

std::vector<std::string_view> elements(std::string_view list) {
  std::vector<std::string_view> all;
  for (;;) {
    const auto comma = list.find(',');
    const auto element = http::detail::trimmed(list.substr(0, comma));
    if (!element.empty()) all.push_back(element);
    if (comma == list.npos) return all;
    list.remove_prefix(comma + 1);
  }
}

range_result plain(std::string_view field, std::uint64_t size) {
  if (field.size() < 6 || field[5] != '=' || !http::detail::equal_ignoring_case(field.substr(0, 5), "bytes")) return {};
  const auto specs = elements(field.substr(6));
  if (specs.empty() || specs.size() > range_result::most) return {};
  range_result out;
  for (const auto spec : specs) {
    const auto hyphen = spec.find('-');
    if (hyphen == spec.npos) return {};
    const auto before = spec.substr(0, hyphen), after = spec.substr(hyphen + 1);
    const auto a = number(before), b = number(after);
    if ((!a && !before.empty()) || (!b && !after.empty()) || (!a && !b) || (a && b && *b < *a)) return {};
    wide first, last = size;  // one past
    if (a) {
      first = *a;
      if (b) last = std::min<wide>(last, *b + 1);
    } else {
      if (*b > 0 && size == 0) return {};
      first = *b > size ? 0 : size - *b;
    }
    if (first >= size) continue;
    out.ranges[out.count++] = {static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last - 1)};
  }
  std::vector<byte_range> sorted(out.ranges.begin(), out.ranges.begin() + out.count);
  std::sort(sorted.begin(), sorted.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].first <= sorted[i - 1].last) return {};
  }
  out.what = out.count > 0 ? kind::some : kind::unsatisfiable;
  return out;
}

}  // namespace
}  // namespace lastcall::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  const auto input = text(data, size);
  const auto feed = input.find('\n');
  if (feed == input.npos) return 0;
  const auto length = static_cast<std::uint64_t>(number(input.substr(0, feed)).value_or(1000));
  const exact_copy field(input.substr(feed + 1));
  const auto got = lastcall::http::detail::parse_range(field.view(), length);
  const auto wanted = plain(field.view(), length);
  require(got.what == wanted.what, "ignored, refused or read alike");
  require(
      got.what != kind::some || (got.count > 0 && got.count == wanted.count &&
                                 std::equal(got.ranges.begin(), got.ranges.begin() + got.count, wanted.ranges.begin())),
      "the same ranges");
  return 0;
}
