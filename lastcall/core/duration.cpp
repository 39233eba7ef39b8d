#include "lastcall/core/duration.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace lastcall::inline v0 {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr std::array<unit, 6> units{{{"h", 3'600'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"s", 1'000'000'000},
                                     {"ms", 1'000'000},
                                     {"us", 1'000},
                                     {"ns", 1}}};
constexpr std::uint64_t longest = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view digits_at(std::string_view text) noexcept {
  return text.substr(0, text.find_first_not_of("0123456789"));
}

}  // namespace

result<duration> parse_duration(std::string_view text) {
  if (text == "0") return duration::zero();

  const std::string_view whole = digits_at(text);
  text.remove_prefix(whole.size());
  std::string_view fraction;
  if (text.starts_with('.')) {
    fraction = digits_at(text.substr(1));
    if (fraction.empty()) return std::errc::invalid_argument;
    text.remove_prefix(1 + fraction.size());
  }
  const unit* const in = std::ranges::find(units, text, &unit::name);
  if (whole.empty() || in == units.end()) return std::errc::invalid_argument;

  std::uint64_t count = 0;
  const auto error = std::from_chars(whole.data(), whole.data() + whole.size(), count).ec;
  if (error != std::errc() || count > longest / in->nanoseconds) return std::errc::result_out_of_range;
  std::uint64_t total = count * in->nanoseconds;

  std::uint64_t scale = in->nanoseconds;
  for (const char digit : fraction) {
    if (scale % 10 != 0) return std::errc::invalid_argument;  // finer than a nanosecond
    scale /= 10;
    total += static_cast<std::uint64_t>(digit - '0') * scale;  // stays below one more unit: no overflow of 64 bits
  }
  if (total > longest) return std::errc::result_out_of_range;
  return duration(static_cast<duration::rep>(total));
}

std::string to_text(duration value) {
  if (value == duration::zero()) return "0s";
  const bool negative = value < duration::zero();
  const auto bits = static_cast<std::uint64_t>(value.count());
  const std::uint64_t magnitude = negative ? 0 - bits : bits;

  const unit* const in = std::ranges::find_if(units, [&](const unit& u) {
    const bool whole_only = u.name == "h" || u.name == "m";  // 90s, not 1.5m
    return whole_only ? magnitude % u.nanoseconds == 0 : magnitude >= u.nanoseconds;
  });

  std::string text = negative ? "-" : "";
  text += std::to_string(magnitude / in->nanoseconds);
  if (std::uint64_t rest = magnitude % in->nanoseconds; rest != 0) {
    text += '.';
    for (std::uint64_t scale = in->nanoseconds / 10; rest != 0; scale /= 10) {
      text += static_cast<char>('0' + rest / scale);
      rest %= scale;
    }
  }
  text += in->name;
  return text;
}

}  // namespace lastcall::inline v0
