#include "lastcall/http/date.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace lastcall::inline v0::http {
namespace {

char* put_digits(char* to, int value, int count) noexcept {
  for (int i = count - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  return to + count;
}

char* put_text(char* to, const char* text, std::size_t count) noexcept {
  std::memcpy(to, text, count);
  return to + count;
}

}  // namespace

std::string_view format_date(std::time_t when, std::array<char, 29>& out) noexcept {
  using namespace std::chrono;
  constexpr std::time_t last = 253402300799;  // 9999-12-31 23:59:59
  const auto seconds_at = sys_seconds(seconds(std::clamp<std::time_t>(when, 0, last)));
  const auto day_at = floor<days>(seconds_at);
  const year_month_day date(day_at);
  const hh_mm_ss time(seconds_at - day_at);

  char* to = out.data();
  to = put_text(to, &"SunMonTueWedThuFriSat"[3 * weekday(day_at).c_encoding()], 3);
  to = put_text(to, ", ", 2);
  to = put_digits(to, static_cast<int>(static_cast<unsigned>(date.day())), 2);
  to = put_text(to, " ", 1);
  to = put_text(to, &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * (static_cast<unsigned>(date.month()) - 1)], 3);
  to = put_text(to, " ", 1);
  to = put_digits(to, static_cast<int>(date.year()), 4);
  to = put_text(to, " ", 1);
  to = put_digits(to, static_cast<int>(time.hours().count()), 2);
  to = put_text(to, ":", 1);
  to = put_digits(to, static_cast<int>(time.minutes().count()), 2);
  to = put_text(to, ":", 1);
  to = put_digits(to, static_cast<int>(time.seconds().count()), 2);
  put_text(to, " GMT", 4);
  return {out.data(), out.size()};
}

}  // namespace lastcall::inline v0::http
