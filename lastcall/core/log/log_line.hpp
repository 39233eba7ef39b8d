// The text of a log line on a terminal or in a pipe, as a pure function.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// The most bytes that one write to a pipe never splits.   Source: pipe(7), PIPE_BUF on Linux.
inline constexpr std::size_t log_line_bytes = 4096;

/// `2026-11-22T10:11:12.345Z info  http: text key=value key="quoted value"` and a newline, as a view of `into`. A
/// longer line is cut and ends in "...". Control characters and invalid UTF-8 are escaped (`\n`, `\x1b`), so that a
/// value can neither begin a new line nor control a terminal. Does not allocate. `into` has room for at least 64 bytes.
std::string_view format_log_line(std::span<char> into, std::chrono::system_clock::time_point now,
                                 const log_record& record) noexcept;

/// `{"time":"2026-11-22T10:11:12.345Z","level":"info","component":"http","text":"…","fields":{"key":"value"}}` and a
/// newline. Of a longer line a value is cut and ends in "...", and the members behind it are missing: it is JSON all
/// the same, and valid UTF-8 (U+FFFD for what is none). Does not allocate. `into` has room for at least 128 bytes.
/// Source: RFC 8259.
std::string_view format_log_json(std::span<char> into, std::chrono::system_clock::time_point now,
                                 const log_record& record) noexcept;

}  // namespace lastcall::inline v0
