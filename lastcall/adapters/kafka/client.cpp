#include "lastcall/adapters/kafka/client.hpp"

#include <array>
#include <optional>
#include <stdexcept>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::kafka {

std::string to_text(const message& of) {
  return of.topic + " [" + std::to_string(of.partition) + "] " + std::to_string(of.offset);
}

namespace detail {

namespace {

std::optional<std::string> text_of(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(bytes), size);
}

}  // namespace

message copy_of(const rd_kafka_message_t& of) {
  message made{.topic = rd_kafka_topic_name(of.rkt),
               .partition = of.partition,
               .offset = of.offset,
               .key = text_of(of.key, of.key_len),
               .value = text_of(of.payload, of.len)};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&of, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
      made.headers.push_back({.name = name, .value = text_of(value, size)});
  }
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t ms = rd_kafka_message_timestamp(&of, &kind);
  if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
    made.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
  return made;
}

client::~client() { close(); }

void client::open(const how& it) {
  std::array<char, 512> why{};
  std::unique_ptr<rd_kafka_conf_t, destroy_with<rd_kafka_conf_destroy>> conf(rd_kafka_conf_new());
  for (const auto& [setting, value] : it.all)
    if (rd_kafka_conf_set(conf.get(), setting.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      throw std::invalid_argument(name_ + ": config: " + setting + " = " + value + ": " + why.data());
  rd_kafka_conf_set_events(conf.get(), it.events | RD_KAFKA_EVENT_ERROR);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  if (it.configure != nullptr && *it.configure) (*it.configure)(conf.get());
  const lastcall::detail::no_signals_of_others blocked;  // its threads are not for the program's handlers
  handle_ = rd_kafka_new(it.type, conf.get(), why.data(), why.size());
  if (handle_ == nullptr) throw std::runtime_error(name_ + ": " + why.data());
  static_cast<void>(conf.release());  // the handle's now
  if (it.type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(handle_);
  events_.reset(it.type == RD_KAFKA_CONSUMER ? rd_kafka_queue_get_consumer(handle_) : rd_kafka_queue_get_main(handle_));
  watch(events_.get(), true);
}

void client::close() noexcept {
  if (handle_ == nullptr) return;
  if (events_) watch(events_.get(), false);
  events_.reset();
  rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  handle_ = nullptr;
}

void client::abandon() noexcept {
  if (events_) watch(events_.get(), false);
  events_.reset();
  handle_ = nullptr;
}

void client::watch(rd_kafka_queue_t* of, bool on) noexcept {
  rd_kafka_queue_cb_event_enable(
      of, on ? +[](rd_kafka_t*, void* me) { static_cast<client*>(me)->woken_.notify(); } : nullptr, this);
}

void client::log_error(rd_kafka_event_t* of) {
  const rd_kafka_resp_err_t code = rd_kafka_event_error(of);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__PARTITION_EOF) return;
  std::optional<std::uint64_t> untold;
  {
    const std::lock_guard held(mutex_);
    untold = errors_.admit(steady().now());
  }
  const char* const text = rd_kafka_event_error_string(of);
  if (untold)
    log_.warning(name_, "librdkafka reports an error",
                 {{"error", rd_kafka_err2name(code)},
                  {"text", text == nullptr ? "" : text},
                  {"left_out", std::to_string(*untold)}});
}

std::string client::fatal_error() const {
  std::array<char, 512> why{};
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(handle_, why.data(), why.size());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return std::string(rd_kafka_err2name(code)) + ": " + why.data();
}

// Threads: librdkafka's.
void client::log_line(const rd_kafka_t* of, int level, const char* facility, const char* text) {
  auto* const me = static_cast<client*>(rd_kafka_opaque(of));
  if (me == nullptr) return;
  static_cast<void>(exception_of([&] {
    std::optional<std::uint64_t> untold;
    {
      const std::lock_guard held(me->mutex_);
      untold = me->lines_.admit(steady().now());
    }
    if (!untold) return;
    constexpr int syslog_warning = 4;
    me->log_.write(level <= syslog_warning ? log_level::warning : log_level::debug, me->name_, "librdkafka says",
                   {{"facility", facility}, {"text", text}, {"left_out", std::to_string(*untold)}});
  }));
}

void check_settings(std::string_view name, const settings& given,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> ours) {
  for (const auto& [setting, value] : given)
    for (const auto& [taken, instead] : ours)
      if (setting == taken)
        throw std::invalid_argument(std::string(name) + ": config: " + setting + " = " + value + "; " +
                                    std::string(instead));
}

}  // namespace detail

}  // namespace lastcall::inline v0::kafka
