// Log lines: a level, a sink that can be replaced, and a default sink that never blocks. Not a logging framework: no
// files, no rotation, no formats.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

enum class log_level : unsigned char { debug, info, warning, error, none };

std::string_view to_text(log_level level) noexcept;
/// One of "debug", "info", "warning", "error", "none"; empty for any other text.
std::optional<log_level> parse_log_level(std::string_view text) noexcept;

/// How lines on standard error look.
enum class log_format : unsigned char {
  text,  ///< for people: `2026-11-22T10:11:12.345Z info  http: listening key=value`
  json,  ///< for collectors: an object for each line
};

std::string_view to_text(log_format format) noexcept;
/// "text" or "json"; empty for any other text.
std::optional<log_format> parse_log_format(std::string_view text) noexcept;

struct log_field {
  std::string_view key{};
  std::string_view value{};
};

using log_fields = std::initializer_list<log_field>;

/// One line. The views are valid only during the call of the sink.
struct log_record {
  log_level level = log_level::info;
  std::string_view component{};
  std::string_view text{};  // fixed text; data from outside belongs in `fields`
  std::span<const log_field> fields{};
};

/// Called from any thread, from several at once. Must not block. A line for which it throws is lost and counted; the
/// first time standard error says so.
using log_sink = std::function<void(const log_record&)>;

class log_queue;

/// Writes one line for each record to a copy of a descriptor, through a log_queue: a slow reader does not block the
/// caller, and lines that do not fit are dropped and counted. The destruction of the last copy waits up to 100 ms for
/// the queue.   Errors: std::system_error when no descriptor is left.
log_sink descriptor_sink(int descriptor, log_format format = log_format::text);

/// Cheap to copy; copies share the sink.   Threads: any.
class logger {
 public:
  /// Level info and above, to standard error.
  logger() : logger(log_level::info, nullptr) {}
  /// An empty sink means standard error, through a log_queue, in this format.
  logger(log_level threshold, log_sink sink, log_format format = log_format::text);

  bool enabled(log_level level) const noexcept { return level >= threshold_ && level != log_level::none; }
  void write(log_level level, std::string_view component, std::string_view text,
             std::span<const log_field> fields) const noexcept;
  void write(log_level level, std::string_view component, std::string_view text,
             log_fields fields = {}) const noexcept {
    write(level, component, text, std::span(fields.begin(), fields.size()));
  }

  void debug(std::string_view component, std::string_view text, log_fields fields = {}) const noexcept {
    write(log_level::debug, component, text, fields);
  }
  void info(std::string_view component, std::string_view text, log_fields fields = {}) const noexcept {
    write(log_level::info, component, text, fields);
  }
  void warning(std::string_view component, std::string_view text, log_fields fields = {}) const noexcept {
    write(log_level::warning, component, text, fields);
  }
  void error(std::string_view component, std::string_view text, log_fields fields = {}) const noexcept {
    write(log_level::error, component, text, fields);
  }

  /// True: all lines written before are out. Always true for a sink of the user's.
  /// Blocks: at most `within`.
  bool flush(duration within) const noexcept;
  /// Lines that were lost so far: nobody read them in time, or the sink threw.
  std::uint64_t dropped() const noexcept;

 private:
  struct users_sink;
  std::shared_ptr<users_sink> sink_;  // one of the two
  std::shared_ptr<log_queue> queue_;
  log_level threshold_;
};

}  // namespace lastcall::inline v0
