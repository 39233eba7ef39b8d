#include "lastcall/http/message/date.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::http {
namespace {

constexpr std::time_t last_second = 253402300799;  // 9999-12-31 23:59:59

constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::array<std::string_view, 7> long_day_names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                         "Thursday", "Friday", "Saturday"};

/// Takes a date's text apart from its front, and remembers whether all was as asked.
class date_text {
 public:
  explicit date_text(std::string_view text) noexcept : rest_(text) {}

  bool sound_end() const noexcept { return sound_ && rest_.empty(); }

  void literal(std::string_view text) noexcept {
    sound_ = sound_ && rest_.starts_with(text);
    if (sound_) rest_.remove_prefix(text.size());
  }

  int digits(std::size_t count) noexcept {
    int value = 0;
    sound_ = sound_ && rest_.size() >= count;
    for (std::size_t i = 0; sound_ && i < count; ++i) {
      sound_ = detail::is_digit(rest_[i]);
      value = value * 10 + (rest_[i] - '0');
    }
    if (sound_) rest_.remove_prefix(count);
    return value;
  }

  /// Which of the names, of three letters each, stands here.
  unsigned name_of(std::string_view names) noexcept {
    const auto at = rest_.size() < 3 ? names.npos : names.find(rest_.substr(0, 3));
    sound_ = sound_ && at != names.npos && at % 3 == 0;
    if (!sound_) return 0;
    rest_.remove_prefix(3);
    return static_cast<unsigned>(at / 3);
  }

  std::chrono::month month() noexcept { return std::chrono::month(name_of(month_names) + 1); }
  std::chrono::day day() noexcept { return std::chrono::day(static_cast<unsigned>(digits(2))); }

  /// "08:49:37"; 60 is a leap second.
  std::chrono::seconds time_of_day() noexcept {
    const int hour = digits(2);
    literal(":");
    const int minute = digits(2);
    literal(":");
    const int second = digits(2);
    sound_ = sound_ && hour < 24 && minute < 60 && second <= 60;
    return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }

 private:
  std::string_view rest_;
  bool sound_ = true;
};

std::optional<std::time_t> seconds_at(const std::chrono::year_month_day& date, std::chrono::seconds time) noexcept {
  if (!date.ok()) return std::nullopt;
  return (std::chrono::sys_days(date).time_since_epoch() + time).count();
}

std::optional<std::time_t> parse_fixdate(std::string_view text) noexcept {
  date_text in(text);
  in.name_of(day_names);
  in.literal(", ");
  const auto day = in.day();
  in.literal(" ");
  const auto month = in.month();
  in.literal(" ");
  const std::chrono::year year(in.digits(4));
  in.literal(" ");
  const auto time = in.time_of_day();
  in.literal(" GMT");
  return in.sound_end() ? seconds_at(year / month / day, time) : std::nullopt;
}

std::optional<std::time_t> parse_asctime(std::string_view text) noexcept {
  date_text in(text);
  in.name_of(day_names);
  in.literal(" ");
  const auto month = in.month();
  in.literal(" ");
  const bool padded = text.size() > 8 && text[8] == ' ';
  if (padded) in.literal(" ");
  const std::chrono::day day(static_cast<unsigned>(in.digits(padded ? 1 : 2)));
  in.literal(" ");
  const auto time = in.time_of_day();
  in.literal(" ");
  const std::chrono::year year(in.digits(4));
  return in.sound_end() ? seconds_at(year / month / day, time) : std::nullopt;
}

std::optional<std::time_t> parse_rfc850(std::string_view text, std::time_t now) noexcept {
  using namespace std::chrono;
  const auto comma = text.find(',');
  const auto name = text.substr(0, comma);
  if (std::find(long_day_names.begin(), long_day_names.end(), name) == long_day_names.end()) return std::nullopt;
  date_text in(text.substr(name.size()));
  in.literal(", ");
  const auto day = in.day();
  in.literal("-");
  const auto month = in.month();
  in.literal("-");
  const int two_digits = in.digits(2);
  in.literal(" ");
  const auto time = in.time_of_day();
  in.literal(" GMT");
  if (!in.sound_end()) return std::nullopt;

  const sys_seconds here(seconds(std::clamp<std::time_t>(now, 0, last_second)));
  const auto today = floor<days>(here);
  const year_month_day date(today);
  const year last_year = date.year() + years(50);
  const sys_seconds latest = sys_days(last_year / date.month() / date.day()) + (here - today);
  const year y = last_year - years((static_cast<int>(last_year) - two_digits) % 100);
  const auto at = seconds_at(y / month / day, time);
  return !at || sys_seconds(seconds(*at)) > latest ? seconds_at((y - years(100)) / month / day, time) : at;
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
  if (text.size() == 29) return parse_fixdate(text);
  if (text.size() == 24) return parse_asctime(text);
  return parse_rfc850(text, now);
}

}  // namespace lastcall::inline v0::http
