// The text of Date and other headers that hold a time. No locale, no time zone, no clock of its own.
#pragma once

#include <array>
#include <ctime>
#include <limits>
#include <optional>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

/// Writes "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970, and returns a view of it. Years 1970 to 9999; what
/// lies outside is written as the nearest of these.   Source: RFC 9110 section 5.6.7 (IMF-fixdate).
std::string_view format_date(std::time_t when, std::array<char, 29>& out) noexcept;

/// Seconds since 1970, from any of the three forms: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"
/// (two digits of a year are that of the hundred years that end 50 years after `now`), "Sun Nov  6 08:49:37 1994".
/// Empty when it is none, or no day of the calendar. The name of the day is not held against the date. Source: RFC 9110
/// section 5.6.7.
std::optional<std::time_t> parse_date(std::string_view text, std::time_t now) noexcept;

/// What `format_date` writes, formatted once a second.   Threads: one; each loop has its own.
class date_cache {
 public:
  /// Valid until the next call.
  std::string_view text(std::time_t now) noexcept {
    if (now != at_) format_date(at_ = now, text_);
    return {text_.data(), text_.size()};
  }

 private:
  std::time_t at_ = std::numeric_limits<std::time_t>::min();  // no time that a clock tells
  std::array<char, 29> text_;
};

}  // namespace lastcall::inline v0::http
