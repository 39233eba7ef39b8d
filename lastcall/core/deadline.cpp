#include "lastcall/core/deadline.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr long double longest_seconds = std::chrono::duration<long double>(deadline::longest).count();

[[noreturn]] void refuse(const std::string& value, const char* why) {
  throw std::invalid_argument("deadline: " + value + " is " + why + "; give a time between 0 and 24h");
}

std::string text_of(long double seconds) {
  constexpr long double century = 100.0L * 366 * 24 * 3600;
  if (seconds > -century && seconds < century) {
    return to_text(duration(std::llround(seconds * 1e9L)));
  }
  char text[64];
  std::snprintf(text, sizeof text, "%.3Lgs", seconds);
  return text;
}

// Exact for every pair with later > earlier, also where the signed difference would overflow.
std::uint64_t nanoseconds_between(time_point earlier, time_point later) noexcept {
  return static_cast<std::uint64_t>(later.time_since_epoch().count()) -
         static_cast<std::uint64_t>(earlier.time_since_epoch().count());
}

}  // namespace

void deadline::check(long double seconds, bool endless) {
  if (endless) refuse("max()", "no end");
  if (seconds != seconds) refuse("nan", "not a time");
  if (seconds < 0) refuse(text_of(seconds), "negative");
  if (seconds > longest_seconds) refuse(text_of(seconds), "too far away");
}

deadline deadline::at(time_point when, time_point now) {
  if (when == time_point::max()) refuse("max()", "no end");
  if (when > now) check(static_cast<long double>(nanoseconds_between(now, when)) / 1e9L, false);
  return deadline(checked{when});
}

duration deadline::remaining(time_point now) const noexcept {
  if (passed(now)) return duration::zero();
  const std::uint64_t left = nanoseconds_between(now, when_);
  constexpr auto most = static_cast<std::uint64_t>(duration::max().count());
  return duration(static_cast<duration::rep>(left < most ? left : most));
}

}  // namespace lastcall::inline v0
