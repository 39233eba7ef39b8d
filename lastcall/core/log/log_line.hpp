// The look of a log line on a terminal or in a pipe, as a pure function. Writes nothing anywhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// The most that one write to a pipe takes as a whole.   Source: pipe(7), PIPE_BUF on Linux.
inline constexpr std::size_t log_line_bytes = 4096;

/// `2026-11-22T10:11:12.345Z info  http: text key=value key="quoted value"` and a newline, as a view of `into`. What
/// does not fit is cut and ends in "...". Control characters and bytes that are not UTF-8 are escaped (`\n`, `\x1b`),
/// so a value can neither begin a line of its own nor steer a terminal.   Allocates nothing. `into` must have room for
/// 64 bytes.
std::string_view format_log_line(std::span<char> into, std::chrono::system_clock::time_point now,
                                 const log_record& record) noexcept;

}  // namespace lastcall::inline v0
