#include "lastcall/core/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "lastcall/core/log_line.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr std::array<std::string_view, 5> names{"debug", "info", "warning", "error", "none"};

// One lock around poll and write: without it two threads could both see room for one line in a pipe, and one would
// block.
class descriptor_writer {
 public:
  explicit descriptor_writer(int descriptor) noexcept : descriptor_(descriptor) {}

  void write(const log_record& record) noexcept {
    const std::lock_guard lock(mutex_);
    if (!put(record)) {
      ++dropped_;
    } else if (dropped_ > 0) {
      tell_dropped();
    }
  }

 private:
  bool put(const log_record& record) noexcept {
    std::array<char, log_line_bytes> buffer;
    const std::string_view line = format_log_line(buffer, std::chrono::system_clock::now(), record);
    pollfd watched{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    // Only POLLOUT, nothing else: an error beside it means that the reader is gone, and a write would raise SIGPIPE.
    if (poll(&watched, 1, 0) != 1 || watched.revents != POLLOUT) return false;
    return ::write(descriptor_, line.data(), line.size()) > 0;
  }

  void tell_dropped() noexcept {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), dropped_).ptr;
    const log_field lines{"lines", {digits.data(), static_cast<std::size_t>(end - digits.data())}};
    const log_record record{log_level::warning, "log", "lines were dropped, since nobody read them", {&lines, 1}};
    if (put(record)) dropped_ = 0;
  }

  const int descriptor_;
  std::mutex mutex_;
  std::uint64_t dropped_ = 0;
};

}  // namespace

std::string_view to_text(log_level level) noexcept {
  const auto index = static_cast<std::size_t>(level);
  return index < names.size() ? names[index] : "unknown";
}

std::optional<log_level> parse_log_level(std::string_view text) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<log_level>(i);
  }
  return std::nullopt;
}

log_sink descriptor_sink(int descriptor) {
  return
      [writer = std::make_shared<descriptor_writer>(descriptor)](const log_record& record) { writer->write(record); };
}

log_sink stderr_sink() { return descriptor_sink(STDERR_FILENO); }

logger::logger(log_level threshold, log_sink sink)
    : sink_(std::make_shared<const log_sink>(sink ? std::move(sink) : stderr_sink())), threshold_(threshold) {}

void logger::write(log_level level, std::string_view component, std::string_view text,
                   std::span<const log_field> fields) const noexcept {
  if (!enabled(level) || !sink_) return;
  try {
    (*sink_)(log_record{level, component, text, fields});
  } catch (...) {
    // A log must not end the program that it describes.
  }
}

}  // namespace lastcall::inline v0
