// Which values an option may have. A time or a number near the largest makes sums overflow, and one that is too small
// has no sense: both are refused when the program starts, by name and with what is allowed.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::detail {

/// Of the options of one part of a program, which errors name.   Errors: std::invalid_argument.
class option_check {
 public:
  static constexpr duration longest = std::chrono::hours(24);
  static constexpr std::uint64_t most_bytes = std::uint64_t{1} << 40;
  static constexpr std::uint64_t most_things = 1'000'000'000;  // connections, jobs

  explicit option_check(std::string part) : part_(std::move(part)) {}

  void time(std::string_view option, duration value, duration least = duration::zero()) const {
    if (value < least || value > longest)
      refuse(option, to_text(value), "a time between " + to_text(least) + " and 24h");
  }
  void time_above_zero(std::string_view option, duration value) const {
    if (value <= duration::zero() || value > longest) refuse(option, to_text(value), "a time above 0 and up to 24h");
  }
  template <std::integral I>
  void number(std::string_view option, I value, std::uint64_t least, std::uint64_t most) const {
    if (std::cmp_less(value, least) || std::cmp_greater(value, most))
      refuse(option, std::to_string(value),
             "a number between " + std::to_string(least) + " and " + std::to_string(most));
  }

 private:
  [[noreturn]] void refuse(std::string_view option, const std::string& value, const std::string& allowed) const {
    throw std::invalid_argument(part_ + ": " + std::string(option) + " = " + value + "; give " + allowed);
  }

  const std::string part_;
};

}  // namespace lastcall::inline v0::detail
