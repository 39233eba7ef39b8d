#include "lastcall/core/log/log.hpp"

#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/enum_names.hpp"
#include "lastcall/core/log/log_queue.hpp"

namespace lastcall::inline v0 {

std::string_view to_text(log_level level) noexcept { return detail::enum_name(level); }

std::string_view to_text(log_format format) noexcept { return detail::enum_name(format); }

namespace {
template <class E> std::optional<E> parse_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < detail::enum_count<E>(); ++i)
    if (to_text(static_cast<E>(i)) == text) return static_cast<E>(i);
  return std::nullopt;
}
}  // namespace

std::optional<log_level> parse_log_level(std::string_view text) noexcept { return parse_name<log_level>(text); }
std::optional<log_format> parse_log_format(std::string_view text) noexcept { return parse_name<log_format>(text); }

log_sink descriptor_sink(int descriptor, log_format format) {
  return [queue = std::make_shared<log_queue>(descriptor, log_queue::default_bytes, format)](const log_record& record) {
    queue->write(record);
  };
}

struct logger::users_sink {
  explicit users_sink(log_sink f) : call(std::move(f)) {}
  const log_sink call;
  std::atomic<std::uint64_t> failures{0};
};

logger::logger(log_level threshold, log_sink sink, log_format format)
    : sink_(sink ? std::make_shared<users_sink>(std::move(sink)) : nullptr),
      queue_(sink_ ? nullptr : std::make_shared<log_queue>(STDERR_FILENO, log_queue::default_bytes, format)),
      threshold_(threshold) {}

void logger::write(log_level level, std::string_view component, std::string_view text,
                   std::span<const log_field> fields) const noexcept {
  if (!enabled(level)) return;
  const log_record record{level, component, text, fields};
  if (queue_) return queue_->write(record);
  if (!sink_) return;
  const std::exception_ptr threw = exception_of([&] { sink_->call(record); });  // must not end what it describes
  if (!threw || sink_->failures.fetch_add(1, std::memory_order_relaxed) > 0) return;
  static_cast<void>(exception_of([&] {
    static log_queue& to_stderr = *new log_queue(STDERR_FILENO);  // never destroyed, so never waited for
    const std::string why = to_text(threw);
    const log_field what{"what", why};
    to_stderr.write({log_level::error, "log", "the sink threw; lines for which it does are lost", {&what, 1}});
  }));
}

bool logger::flush(duration within) const noexcept { return !queue_ || queue_->flush(within); }

std::uint64_t logger::dropped() const noexcept {
  if (queue_) return queue_->dropped();
  return sink_ ? sink_->failures.load(std::memory_order_relaxed) : 0;
}

}  // namespace lastcall::inline v0
