// The Date header's text. No locale, no time zone, no clock of its own.
#pragma once

#include <array>
#include <cstddef>
#include <ctime>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

/// Writes "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970, and returns a view of it. Years 1970 to 9999; what
/// lies outside is written as the nearest of these.   Source: RFC 9110 section 5.6.7 (IMF-fixdate).
std::string_view format_date(std::time_t when, std::array<char, 29>& out) noexcept;

/// The same, formatted once a second.   Threads: one; each loop has its own.
class date_cache {
 public:
  /// Valid until the next call.
  std::string_view text(std::time_t now) noexcept {
    if (now != at_ || !filled_) {
      at_ = now;
      filled_ = true;
      format_date(now, text_);
    }
    return {text_.data(), text_.size()};
  }

 private:
  std::time_t at_ = 0;
  bool filled_ = false;
  std::array<char, 29> text_;
};

}  // namespace lastcall::inline v0::http
