#include "lastcall/core/log/log.hpp"

#include <unistd.h>

#include <utility>

#include "lastcall/core/enum_names.hpp"
#include "lastcall/core/log/log_queue.hpp"

namespace lastcall::inline v0 {

std::string_view to_text(log_level level) noexcept { return detail::enum_name(level); }

std::optional<log_level> parse_log_level(std::string_view text) noexcept {
  for (std::size_t i = 0; i < detail::enum_count<log_level>(); ++i)
    if (to_text(static_cast<log_level>(i)) == text) return static_cast<log_level>(i);
  return std::nullopt;
}

log_sink descriptor_sink(int descriptor) {
  return [queue = std::make_shared<log_queue>(descriptor)](const log_record& record) { queue->write(record); };
}

logger::logger(log_level threshold, log_sink sink)
    : sink_(sink ? std::make_shared<const log_sink>(std::move(sink)) : nullptr),
      queue_(sink_ ? nullptr : std::make_shared<log_queue>(STDERR_FILENO)),
      threshold_(threshold) {}

void logger::write(log_level level, std::string_view component, std::string_view text,
                   std::span<const log_field> fields) const noexcept {
  if (!enabled(level)) return;
  const log_record record{level, component, text, fields};
  if (queue_) return queue_->write(record);
  if (!sink_) return;
  try {
    (*sink_)(record);
  } catch (...) {
    // A log must not end the program that it describes.
  }
}

bool logger::flush(duration within) const noexcept { return !queue_ || queue_->flush(within); }

std::uint64_t logger::dropped() const noexcept { return queue_ ? queue_->dropped() : 0; }

}  // namespace lastcall::inline v0
