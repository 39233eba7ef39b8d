// Those that send, and the verbs of a producer.
#include "lastcall/adapters/kafka/producer_core.hpp"

#include <algorithm>
#include <stdexcept>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/enum_names.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::kafka::detail {

namespace {

std::size_t bytes_of(const record& of) noexcept {
  std::size_t all = of.topic.size() + (of.key ? of.key->size() : 0) + (of.value ? of.value->size() : 0);
  for (const header& each : of.headers) all += each.name.size() + (each.value ? each.value->size() : 0);
  return all;
}

constexpr duration for_its_answer = std::chrono::seconds(5);  // librdkafka looks for late ones each second

}  // namespace

sender::sender(record&& its, bool delivery) : it(std::move(its)), wants_delivery(delivery) { bytes = bytes_of(it); }

producer_core::producer_core(producer_options with, logger log, app* owner)
    : with_(std::move(with)),
      log_(std::move(log)),
      owner_(owner),
      last_step_(last_step_of(owner)),
      book_(with_.most, with_.most_bytes),
      client_(with_.name, log_) {}

std::optional<not_sent> producer_core::refusal(const lock&, const sender& who, const context& with) const {
  if (phase_ == phase::made)
    throw std::logic_error(with_.name + ": has not started; name it in the needs of what uses it");
  const auto because = [&](not_sent::reason why, const std::string& text) {
    return not_sent(why, with_.name + ": " + text);
  };
  if (phase_ == phase::stopped)
    return because(not_sent::reason::draining, "has stopped; name it in the needs of what uses it");
  if (with.forced())
    return because(not_sent::reason::forced,
                   std::string("the caller's context was forced (") + lastcall::to_text(with.cause()) + ")");
  if (phase_ == phase::draining || forced_)
    return because(not_sent::reason::draining, "takes nothing any more, it drains");
  if (book_.fits_never(who.bytes))
    return because(not_sent::reason::too_large,
                   "the record has more than the " + std::to_string(with_.most_bytes) + " bytes that it takes in all");
  return std::nullopt;
}

bool producer_core::begin(sender& who, const context& with) {
  const lock held(mutex_);
  if (auto why = refusal(held, who, with)) {
    ++count_.refused[static_cast<std::size_t>(why->why())];
    who.at = sender::state::refused;
    who.why = std::move(why);
    return true;
  }
  who.ahead = book_.records();
  if (book_.add(who.bytes)) {
    ship(held, who);
  } else {
    book_.enqueue(who);
    who.at = sender::state::waiting;
  }
  return !waits(who);
}

void producer_core::ship(const lock& held, sender& who) {
  shipments_.emplace_front();
  shipment& made = shipments_.front();
  made.place = shipments_.begin();
  made.it = std::move(who.it);
  made.bytes = who.bytes;
  made.since = steady().now();
  const record& of = made.it;
  rd_kafka_headers_t* headers = rd_kafka_headers_new(of.headers.size());
  for (const header& each : of.headers)
    rd_kafka_header_add(headers, each.name.data(), static_cast<ssize_t>(each.name.size()),
                        each.value ? each.value->data() : nullptr,
                        each.value ? static_cast<ssize_t>(each.value->size()) : 0);
  std::array<rd_kafka_vu_t, 6> all{};
  all[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  all[0].u.cstr = of.topic.c_str();
  all[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  all[1].u.i32 = of.partition.value_or(RD_KAFKA_PARTITION_UA);
  all[2].vtype = RD_KAFKA_VTYPE_KEY;
  all[2].u.mem = {const_cast<char*>(of.key ? of.key->data() : nullptr), of.key ? of.key->size() : 0};
  all[3].vtype = RD_KAFKA_VTYPE_VALUE;  // not copied: it stays here until the end of the shipment
  all[3].u.mem = {const_cast<char*>(of.value ? of.value->data() : nullptr), of.value ? of.value->size() : 0};
  all[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  all[4].u.headers = headers;
  all[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  all[5].u.ptr = &made;
  if (const failure refused{rd_kafka_produceva(client_.handle(), all.data(), all.size())}) {
    rd_kafka_headers_destroy(headers);
    const rd_kafka_resp_err_t code = rd_kafka_error_code(refused.get());
    who.it = std::move(made.it);
    shipments_.erase(made.place);
    book_.over(who.bytes);
    refuse(held, who,
           code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? not_sent::reason::too_large
           : code == RD_KAFKA_RESP_ERR__QUEUE_FULL      ? not_sent::reason::full
                                                        : not_sent::reason::undelivered,
           std::string("librdkafka does not take the record: ") + rd_kafka_error_string(refused.get()));
    return;
  }
  if (who.wants_delivery) made.who = &who;
  who.at = sender::state::sent;
}

void producer_core::refuse(const lock&, sender& who, not_sent::reason why, const std::string& text, bool maybe) {
  ++count_.refused[static_cast<std::size_t>(why)];
  who.at = sender::state::refused;
  who.why.emplace(why, with_.name + ": " + text, maybe);
}

void producer_core::admit(const lock& held) {
  while (room_waiter* const next = book_.admit()) {
    auto& who = static_cast<sender&>(*next);
    ship(held, who);
    if (!waits(who)) who.told();
  }
}

void producer_core::finish(sender& who, const context& with) {
  const lock held(mutex_);
  const auto forced_text = [&] {
    return std::string("the caller's context was forced (") + lastcall::to_text(with.cause()) + ")";
  };
  if (who.at == sender::state::waiting) {
    book_.withdraw(who);
    if (with.forced()) {
      refuse(held, who, not_sent::reason::forced, forced_text());
    } else {
      refuse(held, who, not_sent::reason::full,
             "no room within " + lastcall::to_text(with_.longest_wait) + ": " + std::to_string(book_.records()) +
                 " records are not delivered");
    }
    return admit(held);  // those behind it may have room now
  }
  if (who.at != sender::state::sent || !who.wants_delivery) return;
  leave_alone(held, who);
  if (with.forced())
    return refuse(held, who, not_sent::reason::forced, forced_text() + "; the record may still be delivered", true);
  refuse(held, who, not_sent::reason::undelivered, "no answer in time; the record may still be delivered", true);
}

void producer_core::give_up(sender& who) noexcept {
  const lock held(mutex_);
  if (waits(who)) who.told();
}

void producer_core::abandon(sender& who) noexcept {
  const lock held(mutex_);
  if (who.at == sender::state::waiting) {
    book_.withdraw(who);
    admit(held);
  }
  if (who.at == sender::state::sent && who.wants_delivery) leave_alone(held, who);
  who.at = sender::state::outside;
}

void producer_core::leave_alone(const lock&, const sender& who) noexcept {
  for (shipment& each : shipments_) {
    if (each.who != &who) continue;
    each.who = nullptr;
    each.abandoned = true;
    ++abandoned_;
  }
  client_.woken().notify();  // it may be the last that was waited for
}

time_point producer_core::longest_wait_from(time_point now, bool delivery) const noexcept {
  return now + with_.longest_wait + (delivery ? with_.deliver_within + for_its_answer : duration::zero());
}

void producer_core::wait_on_thread(sender& who, std::condition_variable& changed, const context& with) {
  const time_point until = longest_wait_from(steady().now(), who.wants_delivery);
  lock held(mutex_);
  changed.wait_until(held, until, [&] { return !waits(who) || with.forced(); });
}

void producer_core::start() {
  const std::size_t kbytes = with_.most_bytes / 1024 + 1024;
  settings all{{"bootstrap.servers", with_.brokers},
               {"enable.idempotence", "true"},
               {"delivery.timeout.ms",
                std::to_string(std::chrono::ceil<std::chrono::milliseconds>(with_.deliver_within).count())},
               {"queue.buffering.max.messages", std::to_string(with_.most + 1)},
               {"queue.buffering.max.kbytes", std::to_string(std::min<std::size_t>(2 * kbytes, 2'147'483'647))}};
  all.insert(all.end(), with_.config.begin(), with_.config.end());
  client_.open(
      {.type = RD_KAFKA_PRODUCER, .events = RD_KAFKA_EVENT_DR, .all = std::move(all), .configure = &with_.configure});
  try {
    const lock held(mutex_);
    const lastcall::detail::no_signals_of_others blocked;
    polling_ = lastcall::detail::own_thread([self = shared_from_this()] { self->poll(); });
    polls_ = true;
    phase_ = phase::started;
    seen_handle_ = client_.handle();
  } catch (...) {  // caught: thrown again
    client_.close();
    throw;
  }
}

void producer_core::drain(const context&, drained done) {
  last_step_ = last_step_of(owner_);
  {
    const lock held(mutex_);
    phase_ = phase::draining;
    done_ = std::move(done);
    while (room_waiter* const next = book_.refuse()) {
      auto& who = static_cast<sender&>(*next);
      refuse(held, who, not_sent::reason::draining, "takes nothing any more, it drains");
      who.told();
    }
  }
  client_.woken().notify();
}

void producer_core::force() noexcept {
  last_step_ = last_step_of(owner_);
  {
    const lock held(mutex_);
    forced_ = true;
    while (room_waiter* const next = book_.refuse()) {
      auto& who = static_cast<sender&>(*next);
      refuse(held, who, not_sent::reason::draining, "takes nothing any more, it drains");
      who.told();
    }
  }
  client_.woken().notify();
}

void producer_core::stop() noexcept {
  lock held(mutex_);
  if (phase_ == phase::stopped || phase_ == phase::made) return;
  phase_ = phase::stopped;
  forced_ = true;
  settled_.notify_all();
  client_.woken().notify();
  const duration close_within = longest_close(with_.close_within, owner_);
  const time_point by = steady().now() + 2 * last_step_of(owner_) + close_within;
  settled_.wait_until(held, by, [&] { return !polls_; });
  const bool hangs = polls_;
  held.unlock();
  if (!hangs) return polling_.join();
  polling_.detach();
  static_cast<void>(exception_of([&] {
    log_.error(with_.name, "librdkafka has not closed its connections in time; its threads are left behind",
               {{"close_within", lastcall::to_text(close_within)}});
  }));
}

void producer_core::leave() noexcept {
  {
    const lock held(mutex_);
    if (phase_ == phase::stopped || phase_ == phase::made) return;
    phase_ = phase::stopped;
    forced_ = true;
    polling_.detach();
    settled_.notify_all();
  }
  client_.woken().notify();
}

rd_kafka_t* producer_core::native_handle() const noexcept {
  const lock held(mutex_);
  return seen_handle_;
}

void producer_core::account(component_report& out) const {
  const lock held(mutex_);
  out.add("delivered", count_.delivered);
  if (count_.undelivered > 0) out.add("undelivered", count_.undelivered);
  if (count_.handed_back > 0) out.add("handed_back", count_.handed_back);
  if (count_.cut > 0) out.add("cut", count_.cut);
  if (!shipments_.empty()) out.add("left", shipments_.size());
  out.lost = count_.cut > 0 || shipments_.size() > abandoned_;
}

void producer_core::measure(metrics& into) const {
  const lock held(mutex_);
  const auto number = [](std::size_t of) { return static_cast<double>(of); };
  into.gauge("lastcall_kafka_unsent", "Records that are not delivered yet.", number(book_.records()));
  into.gauge("lastcall_kafka_unsent_bytes", "Bytes of these.", number(book_.bytes()));
  into.gauge("lastcall_kafka_callers_waiting", "Callers that wait for room.", number(book_.waiting()));
  constexpr std::string_view ended = "Records, by what became of them.";
  into.counter("lastcall_kafka_records_total", ended, count_.delivered, {{"end", "delivered"}});
  into.counter("lastcall_kafka_records_total", ended, count_.undelivered, {{"end", "undelivered"}});
  into.counter("lastcall_kafka_records_total", ended, count_.handed_back, {{"end", "handed_back"}});
  for (std::size_t why = 0; why < count_.refused.size(); ++why)
    into.counter("lastcall_kafka_refused_total", "Calls of push and send that failed.", count_.refused[why],
                 {{"why", lastcall::detail::enum_name(static_cast<not_sent::reason>(why))}});
  into.show("queued", book_.records()).show("waiting", book_.waiting());
}

void producer_core::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  const time_point now = steady().now();
  const lock held(mutex_);
  // The newest is the first.
  for (auto it = shipments_.rbegin(); it != shipments_.rend() && out.size() < limit; ++it)
    out.push_back(
        {.label = "to " + it->it.topic + ", " + std::to_string(it->bytes) + " bytes", .age = now - it->since});
}

}  // namespace lastcall::inline v0::kafka::detail
