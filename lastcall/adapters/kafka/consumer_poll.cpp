// The thread of a consumer that speaks to librdkafka.
#include <algorithm>

#include "lastcall/adapters/kafka/consumer_core.hpp"
#include "lastcall/core/leave_behind.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0::kafka::detail {

void consumer_core::poll() {
  const watched_thread self(with_.name, "poll");
  while (!group_is_left(steady().now())) {
    while (event next{rd_kafka_queue_poll(client_.events(), 0)}) serve(std::move(next));
    take_messages();
    const time_point now = steady().now();
    store_finished();
    step_revocation(now);
    step_drain(now);
    client_.woken().wait(steady(), next_look(now));
  }
  forget_all();
  {
    lock held(mutex_);
    group_left_ = true;
    seen_handle_ = nullptr;
    settle(held);
  }
  close();
  const lock held(mutex_);
  polls_ = false;
  settled_.notify_all();
}

// Before 2.3.0 librdkafka aborts the process when a cooperative consumer is destroyed between the answers to its first
// JoinGroup and SyncGroup (assertion "assignor_state"). Which answers came can't be seen, but the assignment that
// follows. Source: librdkafka's pull request 4381.
void consumer_core::close() noexcept {
  constexpr int repaired = 0x02030000;
  if (is_eager() || was_assigned_ || rd_kafka_version() >= repaired) return client_.close();
  client_.abandon();
  lastcall::detail::leave_behind(shared_from_this());
}

void consumer_core::serve(event of) {
  switch (rd_kafka_event_type(of.get())) {
    case RD_KAFKA_EVENT_REBALANCE:
      was_assigned_ = true;
      return rebalanced(std::move(of));
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
      return committed(*of);
    case RD_KAFKA_EVENT_ERROR:
      client_.log_error(of.get());
      return look_for_fatal_error();
    default:
      return;  // the answer to the farewell
  }
}

// It fails under the lock: once it has stopped, its app may be gone.
void consumer_core::look_for_fatal_error() {
  if (fatal_) return;
  const std::string why = client_.fatal_error();
  fatal_ = !why.empty();
  const lock held(mutex_);
  if (fatal_ && owner_ != nullptr && phase_ != phase::stopped) owner_->fail(with_.name, why);
}

void consumer_core::take_messages() {
  for (auto& [name, it] : ours_) {
    if (it.ending) continue;
    std::size_t room = 0;
    {
      const lock held(mutex_);
      room = book_.room(it.in);
    }
    std::vector<std::unique_ptr<message_item>> all;
    while (all.size() < room) {
      const event next{rd_kafka_queue_poll(it.messages.get(), 0)};
      if (!next) break;
      if (rd_kafka_event_type(next.get()) == RD_KAFKA_EVENT_ERROR) client_.log_error(next.get());
      if (rd_kafka_event_type(next.get()) != RD_KAFKA_EVENT_FETCH) continue;
      while (const rd_kafka_message_t* const of = rd_kafka_event_message_next(next.get())) {
        if (of->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        all.push_back(std::make_unique<message_item>(copy_of(*of)));
        all.back()->offset = of->offset;
        all.back()->key = all.back()->it.key;
      }
    }
    if (all.empty()) continue;
    const lock held(mutex_);
    for (auto& each : all) book_.add(it.in, std::move(each));
    work_comes_.notify_one();  // who takes one wakes the next
  }
}

time_point consumer_core::next_look(time_point now) const {
  constexpr duration at_least = std::chrono::seconds(1);  // a group takes one that never polls for dead
  constexpr duration while_leaving = std::chrono::milliseconds(20);
  time_point next = now + (leave_by_ ? while_leaving : at_least);
  if (leave_by_) next = std::min(next, *leave_by_);
  if (revocation_) next = std::min(next, revocation_->end.due());
  if (drain_ && !leave_by_) next = std::min(next, drain_->end.due());
  return next;
}

bool consumer_core::group_is_left(time_point now) const {
  return leave_by_ && (now >= *leave_by_ || rd_kafka_consumer_closed(client_.handle()) != 0);
}

}  // namespace lastcall::inline v0::kafka::detail
