#include "lastcall/http/message/limits.hpp"

#include <stdexcept>
#include <string>

namespace lastcall::inline v0::http {
namespace {

void check_count(const char* name, std::size_t value, std::size_t least, std::size_t most) {
  if (value >= least && value <= most) return;
  throw std::invalid_argument(std::string("http limits: ") + name + " = " + std::to_string(value) +
                              "; give a number between " + std::to_string(least) + " and " + std::to_string(most));
}

void check_time(const char* name, duration value) {
  if (value > duration::zero() && value <= std::chrono::hours(24)) return;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
  throw std::invalid_argument(std::string("http limits: ") + name + " = " + std::to_string(ms) +
                              "ms; give a time above 0 and up to 24h");
}

}  // namespace

void check(const limits& l) {
  constexpr std::size_t mib = 1024 * 1024;
  check_count("head_bytes", l.head_bytes, 64, mib);
  check_count("header_count", l.header_count, 1, 10'000);
  check_count("body_bytes", l.body_bytes, 0, std::size_t{1} << 40);
  check_count("max_streams", l.max_streams, 1, 10'000);
  check_time("head_time", l.head_time);
  check_time("body_time", l.body_time);
  check_time("idle_time", l.idle_time);
  check_time("write_time", l.write_time);
}

}  // namespace lastcall::inline v0::http
