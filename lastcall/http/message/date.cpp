#include "lastcall/http/message/date.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <system_error>

namespace lastcall::inline v0::http {
namespace {

constexpr std::time_t last_second = 253402300799;  // 9999-12-31 23:59:59

constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::array<std::string_view, 7> long_day_names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                         "Thursday", "Friday", "Saturday"};

struct date_fields {
  unsigned day_of_week, day, month, year, hour, minute, second;  // month: 0 is January
};

/// As strptime has them. %e is a day of one digit here.
struct date_part {
  char code;
  std::size_t size;
  unsigned date_fields::* value;
  std::string_view names = {};
};
constexpr date_part date_parts[] = {{'a', 3, &date_fields::day_of_week, day_names},
                                    {'b', 3, &date_fields::month, month_names},
                                    {'d', 2, &date_fields::day},
                                    {'e', 1, &date_fields::day},
                                    {'Y', 4, &date_fields::year},
                                    {'y', 2, &date_fields::year},
                                    {'H', 2, &date_fields::hour},
                                    {'M', 2, &date_fields::minute},
                                    {'S', 2, &date_fields::second}};

/// Whether `text` has that form. What is no part stands for itself.
bool read_date(std::string_view text, std::string_view form, date_fields& into) noexcept {
  for (; !form.empty(); form.remove_prefix(1)) {
    if (form.front() != '%') {
      if (!text.starts_with(form.front())) return false;
      text.remove_prefix(1);
      continue;
    }
    form.remove_prefix(1);
    const date_part& part = *std::ranges::find(date_parts, form.front(), &date_part::code);
    if (text.size() < part.size) return false;
    unsigned& value = into.*part.value;
    if (const auto at = part.names.find(text.substr(0, part.size)); at != text.npos && at % 3 == 0) {
      value = static_cast<unsigned>(at / 3);
    } else {
      const auto [end, error] = std::from_chars(text.data(), text.data() + part.size, value);
      if (!part.names.empty() || error != std::errc() || end != text.data() + part.size) return false;
    }
    text.remove_prefix(part.size);
  }
  return text.empty();
}

/// Empty if there is no such day or time. Second 60 is a leap second.
std::optional<std::time_t> seconds_at(const date_fields& at, std::chrono::year year) noexcept {
  using namespace std::chrono;
  const year_month_day date = year / month(at.month + 1) / day(at.day);
  if (!date.ok() || at.hour >= 24 || at.minute >= 60 || at.second > 60) return std::nullopt;
  return (sys_days(date).time_since_epoch() + hours(at.hour) + minutes(at.minute) + seconds(at.second)).count();
}

std::optional<std::time_t> parse_rfc850(std::string_view text, std::time_t now) noexcept {
  using namespace std::chrono;
  const auto name = text.substr(0, text.find(','));
  date_fields found{};
  if (std::ranges::find(long_day_names, name) == long_day_names.end() ||
      !read_date(text.substr(name.size()), ", %d-%b-%y %H:%M:%S GMT", found))
    return std::nullopt;

  const sys_seconds here(seconds(std::clamp<std::time_t>(now, 0, last_second)));
  const auto today = floor<days>(here);
  const year_month_day date(today);
  const year last_year = date.year() + years(50);
  const sys_seconds latest = sys_days(last_year / date.month() / date.day()) + (here - today);
  const year y = last_year - years((static_cast<int>(last_year) - static_cast<int>(found.year)) % 100);
  const auto at = seconds_at(found, y);
  return !at || sys_seconds(seconds(*at)) > latest ? seconds_at(found, y - years(100)) : at;
}

}  // namespace

std::string_view format_date(std::time_t when, std::array<char, 29>& out) noexcept {
  using namespace std::chrono;
  const auto second_at = sys_seconds(seconds(std::clamp<std::time_t>(when, 0, last_second)));
  const auto day_at = floor<days>(second_at);
  const year_month_day date(day_at);
  const hh_mm_ss time(second_at - day_at);

  const auto name = [](std::string_view names, unsigned i) { return &names[3 * i]; };
  char text[64];
  std::snprintf(text, sizeof text, "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT",
                name(day_names, weekday(day_at).c_encoding()), static_cast<unsigned>(date.day()),
                name(month_names, static_cast<unsigned>(date.month()) - 1), static_cast<int>(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  std::memcpy(out.data(), text, out.size());
  return {out.data(), out.size()};
}

std::optional<std::time_t> parse_date(std::string_view text, std::time_t now) noexcept {
  if (text.size() != 29 && text.size() != 24) return parse_rfc850(text, now);
  const std::string_view form = text.size() == 29 ? "%a, %d %b %Y %H:%M:%S GMT"
                                : text[8] == ' '  ? "%a %b  %e %H:%M:%S %Y"
                                                  : "%a %b %d %H:%M:%S %Y";
  date_fields found{};
  if (!read_date(text, form, found)) return std::nullopt;
  return seconds_at(found, std::chrono::year(static_cast<int>(found.year)));
}

}  // namespace lastcall::inline v0::http
