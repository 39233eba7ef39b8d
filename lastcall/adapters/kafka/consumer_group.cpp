// What a consumer tells its group: which partitions it takes and gives up, what is committed, and that it leaves.
#include <algorithm>

#include "lastcall/adapters/kafka/consumer_core.hpp"
#include "lastcall/core/caught.hpp"

namespace lastcall::inline v0::kafka::detail {

namespace {

/// The group has moved on without this member, or is about to: it takes no commit of it now.
bool says_that_the_group_moves(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

}  // namespace

std::vector<consumer_core::partition_name> consumer_core::all_ours() const {
  std::vector<partition_name> all;
  all.reserve(ours_.size());
  for (const auto& [name, it] : ours_) all.push_back(name);
  return all;
}

void consumer_core::rebalanced(event of) {
  switch (rd_kafka_event_error(of.get())) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
      return assign(*of);
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
      return revoke(std::move(of));
    default:
      client_.log_error(of.get());
      forget_all();
      rd_kafka_assign(client_.handle(), nullptr);
  }
}

void consumer_core::assign(rd_kafka_event_t& of) {
  const rd_kafka_topic_partition_list_t* const list = rd_kafka_event_topic_partition_list(&of);
  for (int i = 0; i < list->cnt; ++i) {
    const partition_name name{list->elems[i].topic, list->elems[i].partition};
    if (ours_.contains(name)) forget(name);
    assigned& it = ours_[name];
    it.messages.reset(rd_kafka_queue_get_partition(client_.handle(), name.first.c_str(), name.second));
    // A queue of its own, which is read when there is room: no partition fills up the memory, or holds up the others.
    rd_kafka_queue_forward(it.messages.get(), nullptr);
    client_.watch(it.messages.get(), true);
    const lock held(mutex_);
    book_.hold({});
    it.in = book_.assign(name.first, name.second);
    contexts_.emplace(it.in, life_.get());
  }
  if (is_eager()) {
    rd_kafka_assign(client_.handle(), list);
  } else {
    const failure ignored(rd_kafka_incremental_assign(client_.handle(), list));
  }
  if (drain_)
    for (auto& [name, it] : ours_) end_partition(it, steady().now());
}

void consumer_core::revoke(event of) {
  const time_point now = steady().now();
  const rd_kafka_topic_partition_list_t* const list = rd_kafka_event_topic_partition_list(of.get());
  const bool lost = rd_kafka_assignment_lost(client_.handle()) != 0;
  if (lost) moves_ = false;              // it is counted here
  if (revocation_) answer_revocation();  // none comes in front of the answer; two would hold each other up
  revocation_.emplace(partition_end::bounds{
      .finish_by = now + with_.revoke_within, .cut_within = last_step_, .commit_within = with_.commit_within});
  {
    const lock held(mutex_);
    book_.hold({});
    ++count_.revocations;
    if (lost) ++count_.generations_lost;
  }
  for (int i = 0; i < list->cnt; ++i) {
    const partition_name name{list->elems[i].topic, list->elems[i].partition};
    const auto it = ours_.find(name);
    if (it == ours_.end()) continue;
    it->second.lost = lost;
    end_partition(it->second, now + with_.revoke_within);
    revocation_->which.push_back(name);
  }
  revocation_->of = std::move(of);
  if (hurried_) revocation_->end.hurry(now, last_step_);
  if (leave_by_) answer_revocation();  // all was done before
}

void consumer_core::end_partition(assigned& it, time_point finish_by) {
  if (std::exchange(it.ending, true)) return;
  client_.watch(it.messages.get(), false);
  std::optional<context_source> ends;
  {
    const lock held(mutex_);
    book_.end(it.in);
    ends = contexts_.at(it.in);
    work_comes_.notify_all();
  }
  ends->begin_drain(finish_by);
}

void consumer_core::force_work(const std::vector<partition_name>& which) {
  std::vector<context_source> forced;
  {
    const lock held(mutex_);
    for (const partition_name& each : which) {
      const consume_book::number in = ours_.at(each).in;
      book_.drop_waiting(in);
      forced.push_back(contexts_.at(in));
    }
  }
  for (context_source& each : forced) each.force();
}

void consumer_core::forget(const partition_name& name) {
  const auto it = ours_.find(name);
  if (it == ours_.end()) return;
  client_.watch(it->second.messages.get(), false);
  const lock held(mutex_);
  if (const offset_range again = book_.uncommitted(it->second.in); again.messages > 0) {
    name_uncommitted(held, to_text(again), again.messages);
    if (std::exchange(moves_, false)) ++count_.generations_lost;
  }
  book_.remove(it->second.in);
  contexts_.erase(it->second.in);
  ours_.erase(it);
}

void consumer_core::forget_all() {
  for (const partition_name& each : all_ours()) forget(each);
  revocation_.reset();
  const lock held(mutex_);
  tell_uncommitted(held);
}

void consumer_core::name_uncommitted(const lock&, const std::string& which, std::size_t messages) {
  count_.uncommitted += messages;
  constexpr std::size_t most_named = 16;
  if (named_.size() < most_named) named_.push_back(which);
  untold_.push_back(which);
}

void consumer_core::tell_uncommitted(const lock&) {
  if (untold_.empty()) return;
  std::string all;
  for (const std::string& each : std::exchange(untold_, {})) all.append(all.empty() ? "" : ", ").append(each);
  log_.warning(with_.name, "finished messages are not committed; the group gets them again", {{"messages", all}});
}

void consumer_core::answer_revocation() {
  const revocation over = std::move(*revocation_);
  revocation_.reset();
  if (over.refused) moves_ = false;  // counted below
  for (const partition_name& each : over.which) forget(each);
  {
    const lock held(mutex_);
    if (over.refused) ++count_.generations_lost;
    tell_uncommitted(held);
  }
  const rd_kafka_topic_partition_list_t* const list = rd_kafka_event_topic_partition_list(over.of.get());
  if (is_eager()) {
    rd_kafka_assign(client_.handle(), nullptr);
  } else {
    const failure ignored(rd_kafka_incremental_unassign(client_.handle(), list));
  }
}

partition_end::facts consumer_core::facts_of(const std::vector<partition_name>& which, bool hopeless) const {
  partition_end::facts all{.quiet = true, .committed = true, .hopeless = hopeless || fatal_};
  const lock held(mutex_);
  for (const partition_name& each : which) {
    const assigned& it = ours_.at(each);
    if (!book_.is_quiet(it.in)) all.quiet = false;
    if (!it.lost && book_.to_commit(it.in)) all.committed = false;
  }
  return all;
}

void consumer_core::step_revocation(time_point now) {
  if (!revocation_) return;
  switch (revocation_->end.next(now, facts_of(revocation_->which, revocation_->refused))) {
    case partition_end::step::force:
      return force_work(revocation_->which);
    case partition_end::step::commit:
      return commit_now(*revocation_, revocation_->which);
    case partition_end::step::let_go:
      return answer_revocation();
    case partition_end::step::wait:
      return;
  }
}

void consumer_core::step_drain(time_point now) {
  bool forced = false;
  time_point finish_by = now;
  {
    const lock held(mutex_);
    if (phase_ < phase::draining && !forced_) return;
    forced = forced_ || phase_ == phase::stopped;
    book_.hold({});
    if (drain_end_) finish_by = *drain_end_;
  }
  const duration last_step = last_step_;
  // At the drain end force comes from outside, which looks at what is in work first. This is for when nobody does.
  const time_point force_at = forced ? now : lastcall::detail::later(finish_by, last_step);
  if (!drain_) {
    drain_.emplace(partition_end::bounds{
        .finish_by = force_at, .cut_within = last_step, .commit_within = with_.commit_within, .latest = finish_by});
    for (auto& [name, it] : ours_) end_partition(it, finish_by);
  }
  if ((forced || now >= force_at) && !std::exchange(hurried_, true)) {
    drain_->end.hurry(now, last_step);
    if (revocation_) revocation_->end.hurry(now, last_step);
    if (leave_by_) leave_by_ = std::min(*leave_by_, now + last_step);
  }
  if (leave_by_) return;
  switch (drain_->end.next(now, facts_of(all_ours(), drain_->refused))) {
    case partition_end::step::force:
      return force_work(all_ours());
    case partition_end::step::commit:
      if (hurried_) commit_now(*drain_, all_ours());
      return;
    case partition_end::step::let_go: {
      leave_by_ = now + (hurried_ ? last_step : std::min(with_.commit_within, std::max(finish_by - now, last_step)));
      const failure refused(rd_kafka_consumer_close_queue(client_.handle(), client_.events()));
      if (refused) {
        log_.warning(with_.name, "can't leave its group in order", {{"error", rd_kafka_error_string(refused.get())}});
        leave_by_ = now;
      } else if (revocation_) {
        answer_revocation();
      }
      return;
    }
    case partition_end::step::wait:
      return;
  }
}

void consumer_core::store_finished() {
  if (leave_by_ || fatal_) return;
  partition_list list;
  const lock held(mutex_);
  for (const auto& [name, it] : ours_) {
    const auto position = book_.to_store(it.in);
    if (it.lost || !position) continue;
    if (!list) list.reset(rd_kafka_topic_partition_list_new(static_cast<int>(ours_.size())));
    rd_kafka_topic_partition_list_add(list.get(), name.first.c_str(), name.second)->offset = *position;
    book_.stored(it.in);
  }
  if (list) rd_kafka_offsets_store(client_.handle(), list.get());  // those that are just being lost it does not take
}

void consumer_core::commit_now(ending& of, const std::vector<partition_name>& which) {
  if (std::exchange(of.commit_sent, true)) return;
  const partition_list list(rd_kafka_topic_partition_list_new(static_cast<int>(which.size())));
  {
    const lock held(mutex_);
    for (const partition_name& name : which) {
      const assigned& it = ours_.at(name);
      const auto position = book_.to_commit(it.in);
      if (it.lost || !position) continue;
      rd_kafka_topic_partition_list_add(list.get(), name.first.c_str(), name.second)->offset = *position;
    }
  }
  // The answer comes as an event.
  if (rd_kafka_commit_queue(client_.handle(), list.get(), client_.events(), nullptr, nullptr) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    of.refused = true;
}

void consumer_core::committed(rd_kafka_event_t& of) {
  const rd_kafka_topic_partition_list_t* const list = rd_kafka_event_topic_partition_list(&of);
  rd_kafka_resp_err_t refused = rd_kafka_event_error(&of);
  if (refused == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  {
    const lock held(mutex_);
    for (int i = 0; list != nullptr && i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& each = list->elems[i];
      if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR) refused = each.err;
      const auto it = ours_.find({each.topic, each.partition});
      if (refused == RD_KAFKA_RESP_ERR_NO_ERROR && it != ours_.end()) book_.committed(it->second.in, each.offset);
    }
    ++(refused == RD_KAFKA_RESP_ERR_NO_ERROR ? count_.commits : count_.refused_commits);
  }
  moves_ = says_that_the_group_moves(refused);
  if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  if (revocation_ && revocation_->commit_sent) revocation_->refused = true;
  if (drain_ && drain_->commit_sent) drain_->refused = true;
  if (moves_ && is_eager() && !revocation_ && !drain_) {
    // All partitions will be taken away, and no commit succeeds until then: what is begun now is done twice.
    constexpr duration for_the_revocation = std::chrono::seconds(5);
    const lock held(mutex_);
    book_.hold(steady().now() + for_the_revocation);
  }
  const auto untold = refusals_logged_.admit(steady().now());
  if (!untold) return;
  log_.write(moves_ ? log_level::info : log_level::warning, with_.name,
             moves_ ? "a commit was refused: the group moves" : "a commit was refused",
             {{"error", rd_kafka_err2name(refused)}, {"left_out", std::to_string(*untold)}});
}

}  // namespace lastcall::inline v0::kafka::detail
