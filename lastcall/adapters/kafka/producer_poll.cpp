// The thread of a producer that hears what became of its records.
#include "lastcall/adapters/kafka/producer_core.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0::kafka::detail {

void producer_core::poll() {
  const watched_thread self(with_.name, "poll");
  for (;;) {
    std::vector<undelivered> back;
    while (event next{rd_kafka_queue_poll(client_.events(), 0)}) serve(std::move(next), back);
    if (!back.empty()) give_back(std::move(back));
    const time_point now = steady().now();
    if (is_over(now)) break;
    constexpr duration at_least = std::chrono::seconds(1);
    client_.woken().wait(steady(), purged_ ? *purged_ + last_step_.load() : now + at_least);
  }
  drained call;
  {
    const lock held(mutex_);
    call = std::exchange(done_, nullptr);
  }
  if (call) call();
  {
    lock held(mutex_);  // until stop nothing is sent any more, but the handle may be asked for
    settled_.wait(held, [&] { return phase_ == phase::stopped; });
    seen_handle_ = nullptr;
  }
  client_.close();
  const lock held(mutex_);
  polls_ = false;
  settled_.notify_all();
}

bool producer_core::is_over(time_point now) {
  std::vector<undelivered> back;
  {
    const lock held(mutex_);
    if (phase_ == phase::started && !forced_) return false;
    if (shipments_.empty()) return true;
    if (!forced_ && shipments_.size() > abandoned_) return false;  // nobody waits for the others
    if (!purged_) {
      purged_ = now;
      // The records come back as events.
      rd_kafka_purge(client_.handle(),
                     RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
      return false;
    }
    if (now < *purged_ + last_step_.load()) return false;
    // librdkafka keeps them: it may still read their memory, so they are not given away but copied.
    for (shipment& each : shipments_) {
      if (each.who != nullptr) {
        refuse(held, *each.who, not_sent::reason::undelivered, "forced before a broker has confirmed it", true);
        each.who->told();
        each.who = nullptr;
      } else if (with_.hand_back && !each.abandoned) {
        back.push_back({.it = each.it, .why = "forced before a broker has confirmed it", .maybe_delivered = true});
        each.abandoned = true;
        ++abandoned_;
      }
    }
  }
  if (!back.empty()) give_back(std::move(back));
  return true;
}

void producer_core::serve(event of, std::vector<undelivered>& back) {
  if (rd_kafka_event_type(of.get()) == RD_KAFKA_EVENT_ERROR) {
    client_.log_error(of.get());
    const std::string fatal = fatal_ ? "" : client_.fatal_error();
    if (fatal.empty()) return;
    fatal_ = true;
    const lock held(mutex_);  // once it has stopped, its app may be gone
    if (owner_ != nullptr && phase_ != phase::stopped) owner_->fail(with_.name, fatal);
    return;
  }
  if (rd_kafka_event_type(of.get()) != RD_KAFKA_EVENT_DR) return;
  const lock held(mutex_);
  while (const rd_kafka_message_t* const each = rd_kafka_event_message_next(of.get()))
    ended(held, *static_cast<shipment*>(each->_private), *each, back);
  admit(held);
}

void producer_core::ended(const lock& held, shipment& it, const rd_kafka_message_t& of,
                          std::vector<undelivered>& back) {
  sender* const who = it.who;
  book_.over(it.bytes);
  if (of.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++count_.delivered;
    if (who != nullptr) {
      who->where = {.partition = of.partition, .offset = of.offset};
      who->at = sender::state::delivered;
    }
  } else {
    const bool maybe = rd_kafka_message_status(&of) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    const bool forced = of.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || of.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    const std::string why = forced ? "forced before a broker has confirmed it" : rd_kafka_err2str(of.err);
    const bool goes_back = who == nullptr && !it.abandoned && with_.hand_back;
    if (who != nullptr) refuse(held, *who, not_sent::reason::undelivered, why, maybe);
    if (goes_back) {
      back.push_back({.it = std::move(it.it), .why = why, .maybe_delivered = maybe});
    } else {
      ++count_.undelivered;
      if (forced && !it.abandoned) ++count_.cut;
      if (const auto untold = failures_logged_.admit(steady().now()))
        log_.error(with_.name, "a record was not delivered",
                   {{"topic", it.it.topic}, {"why", why}, {"left_out", std::to_string(*untold)}});
    }
  }
  if (it.abandoned) --abandoned_;
  shipments_.erase(it.place);
  if (who != nullptr) who->told();
}

void producer_core::give_back(std::vector<undelivered> all) {
  const std::size_t records = all.size();
  const activity doing("hand_back");
  const std::exception_ptr threw = exception_of([&] { with_.hand_back(std::move(all)); });
  if (threw)
    log_.error(with_.name, "hand_back threw",
               {{"records", std::to_string(records)}, {"error", lastcall::to_text(threw)}});
  const lock held(mutex_);
  (threw ? count_.undelivered : count_.handed_back) += records;
  if (threw) count_.cut += records;
}

}  // namespace lastcall::inline v0::kafka::detail
