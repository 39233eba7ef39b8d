// Where lines of log go: a level, a sink to replace, and a default that never blocks. Not a logging framework: no
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
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

enum class log_level : unsigned char { debug, info, warning, error, none };

std::string_view to_text(log_level level) noexcept;
/// Empty unless it is one of "debug", "info", "warning", "error", "none".
std::optional<log_level> parse_log_level(std::string_view text) noexcept;

struct log_field {
  std::string_view key{};
  std::string_view value{};
};

using log_fields = std::initializer_list<log_field>;

/// One line. The views live as long as the call of the sink.
struct log_record {
  log_level level = log_level::info;
  std::string_view component{};
  std::string_view text{};  // our own words; what came from outside belongs into fields
  std::span<const log_field> fields{};
};

/// Called from any thread, several at once; must not block. What it throws is swallowed.
using log_sink = std::function<void(const log_record&)>;

class log_queue;

/// One line a record to standard error, by way of a log_queue of its own: whoever writes waits for no reader, what does
/// not fit is dropped and counted, and when the last copy goes what waits has 100 ms.
log_sink stderr_sink();
/// The same to a copy of another descriptor.   Errors: std::system_error when there is none left.
log_sink descriptor_sink(int descriptor);

/// Cheap to copy; copies share the sink.   Threads: every member from any.
class logger {
 public:
  /// From info on, to standard error.
  logger() : logger(log_level::info, nullptr) {}
  /// An empty sink means standard error, by way of a log_queue.
  logger(log_level threshold, log_sink sink);

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

  /// True: everything that was written before is out. Of a sink of the user's nothing is known: true.
  /// Blocks: at most `within`.
  bool flush(duration within) const noexcept;
  /// Lines dropped so far, since nobody read them. Of a sink of the user's nothing is known: 0.
  std::uint64_t dropped() const noexcept;

 private:
  std::shared_ptr<const log_sink> sink_;  // one of the two
  std::shared_ptr<log_queue> queue_;
  log_level threshold_;
};

}  // namespace lastcall::inline v0
