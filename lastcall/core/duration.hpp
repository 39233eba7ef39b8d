// Durations as people write them, in options, environment and log: "250ms", "20s", "1.5s".
#pragma once

#include <ratio>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/result.hpp"

namespace lastcall::inline v0 {

/// Reads one number, which may have a decimal fraction, and one unit of ns, us, ms, s, m, h. "0" needs no unit; any
/// other number without a unit is an error. No sign, no spaces, no fraction of a nanosecond. Errors:
/// std::errc::invalid_argument; result_out_of_range beyond 292 years. The caller names the value.
result<duration> parse_duration(std::string_view text);

/// The shortest exact form, which `parse_duration` reads back (negative ones excepted): "250ms", "20s", "1.5s", "2m".
std::string to_text(duration value);

/// For reports, whose numbers are milliseconds.
constexpr double to_ms(duration value) noexcept { return std::chrono::duration<double, std::milli>(value).count(); }

}  // namespace lastcall::inline v0
