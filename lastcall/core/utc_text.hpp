// A moment of the wall clock as log and report write it: "2026-11-22T10:11:12.345Z". HTTP's dates are http/message's.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::detail {

class utc_text {
 public:
  /// By hand instead of gmtime_r, which takes a lock of the C library.
  explicit utc_text(std::chrono::system_clock::time_point when) noexcept {
    using namespace std::chrono;
    form.copy(text_.data(), form.size());
    const auto day = floor<days>(when);
    const year_month_day date(day);
    const hh_mm_ss time(floor<milliseconds>(when - day));
    put(0, 4, static_cast<int>(date.year()));
    put(5, 2, static_cast<unsigned>(date.month()));
    put(8, 2, static_cast<unsigned>(date.day()));
    put(11, 2, time.hours().count());
    put(14, 2, time.minutes().count());
    put(17, 2, time.seconds().count());
    put(20, 3, time.subseconds().count());
  }

  operator std::string_view() const noexcept { return {text_.data(), text_.size()}; }

 private:
  template <class N> void put(std::size_t at, std::size_t digits, N value) noexcept {
    for (std::size_t i = at + digits; i-- > at; value /= 10) text_[i] = static_cast<char>('0' + value % 10);
  }

  static constexpr std::string_view form = "____-__-__T__:__:__.___Z";
  std::array<char, form.size()> text_;
};

}  // namespace lastcall::inline v0::detail
