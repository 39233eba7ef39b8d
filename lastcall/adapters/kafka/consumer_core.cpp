// The verbs of a consumer, and what it tells.
#include "lastcall/adapters/kafka/consumer_core.hpp"

#include <algorithm>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::kafka::detail {

namespace {

consume_book::rules rules_of(const consumer_options& of) {
  return {.most = of.most,
          .by_key = of.order == order::key,
          .tries = of.poison ? of.most_tries : 0,
          .first_pause = of.first_pause,
          .longest_pause = of.longest_pause};
}

}  // namespace

consumer_core::consumer_core(consumer_options with, logger log, app* owner)
    : with_(std::move(with)),
      log_(std::move(log)),
      owner_(owner),
      last_step_(last_step_of(owner)),
      book_(rules_of(with_)),
      in_work_(with_.workers),
      client_(with_.name, log_) {}

void consumer_core::open() {
  settings all{{"bootstrap.servers", with_.brokers},
               {"group.id", with_.group},
               {"enable.auto.offset.store", "false"},  // only what is finished is
               {"enable.auto.commit", "true"},
               {"auto.commit.interval.ms",
                std::to_string(std::chrono::ceil<std::chrono::milliseconds>(with_.commit_every).count())},
               {"partition.assignment.strategy", is_eager() ? "range,roundrobin" : "cooperative-sticky"},
               {"auto.offset.reset", with_.from_beginning ? "earliest" : "latest"},
               {"queued.min.messages", std::to_string(std::min<std::size_t>(2 * with_.most, 100'000))},
               {"queued.max.messages.kbytes", "4096"}};
  all.insert(all.end(), with_.config.begin(), with_.config.end());
  client_.open({.type = RD_KAFKA_CONSUMER,
                .events = RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_OFFSET_COMMIT,
                .all = std::move(all),
                .configure = &with_.configure});
  const partition_list topics(rd_kafka_topic_partition_list_new(static_cast<int>(with_.topics.size())));
  for (const std::string& each : with_.topics)
    rd_kafka_topic_partition_list_add(topics.get(), each.c_str(), RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t refused = rd_kafka_subscribe(client_.handle(), topics.get());
  if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) {
    client_.close();
    throw std::runtime_error(with_.name + ": can't subscribe: " + rd_kafka_err2str(refused));
  }
}

void consumer_core::start() {
  open();
  try {
    for (std::size_t worker = 0; worker < with_.workers; ++worker) begin_worker(worker);
    const lock held(mutex_);
    const lastcall::detail::no_signals_of_others blocked;
    polling_ = lastcall::detail::own_thread([self = shared_from_this()] { self->poll(); });
    polls_ = true;
    phase_ = phase::started;
    seen_handle_ = client_.handle();
  } catch (...) {  // caught: thrown again
    client_.close();
    stop();
    throw;
  }
}

void consumer_core::drain(const context& ends, drained done) {
  last_step_ = last_step_of(owner_);
  {
    const lock held(mutex_);
    phase_ = phase::draining;
    drain_end_ = ends.drain_end();
    done_ = std::move(done);
  }
  life_.begin_drain(ends.drain_end());
  client_.woken().notify();
}

void consumer_core::force() noexcept {
  last_step_ = last_step_of(owner_);
  {
    const lock held(mutex_);
    forced_ = true;
  }
  life_.force();
  client_.woken().notify();
}

void consumer_core::settle(lock& held) noexcept {
  drained call;
  if (group_left_ && book_.in_work() == 0) call = std::exchange(done_, nullptr);
  held.unlock();
  settled_.notify_all();
  if (call) call();
}

// It waits for workers, and the lifecycle does not wait for ever; for brokers it waits so long and no longer.
void consumer_core::stop() noexcept {
  lock held(mutex_);
  if (phase_ == phase::stopped) return;
  phase_ = phase::stopped;
  work_comes_.notify_all();
  client_.woken().notify();
  const duration close_within = longest_close(with_.close_within, owner_);
  const time_point by = steady().now() + 3 * last_step_of(owner_) + close_within;
  settled_.wait(held, [&] { return workers_ == 0; });
  settled_.wait_until(held, by, [&] { return !polls_; });
  const bool hangs = polls_;
  const std::size_t left = book_.in_work();
  std::vector<lastcall::detail::own_thread> over = std::move(threads_);
  held.unlock();
  for (lastcall::detail::own_thread& each : over) each.join();  // they hold the program's calls
  if (!hangs) return polling_.join();
  polling_.detach();
  static_cast<void>(exception_of([&] {
    log_.error(with_.name, "librdkafka has not closed its connections in time; its threads are left behind",
               {{"close_within", lastcall::to_text(close_within)}, {"in_work", std::to_string(left)}});
  }));
}

void consumer_core::leave() noexcept {
  {
    const lock held(mutex_);
    if (phase_ == phase::stopped || phase_ == phase::made) return;
    phase_ = phase::stopped;
    forced_ = true;
    for (lastcall::detail::own_thread& each : threads_) each.detach();
    threads_.clear();
    polling_.detach();
    work_comes_.notify_all();
  }
  life_.force();
  client_.woken().notify();
}

rd_kafka_t* consumer_core::native_handle() const noexcept {
  const lock held(mutex_);
  return seen_handle_;
}

void consumer_core::account(component_report& out) const {
  const lock held(mutex_);
  const consume_book::counts& all = book_.count();
  out.add("done", all.done);
  if (all.poisoned > 0) out.add("poisoned", all.poisoned);
  if (all.failures > 0) out.add("failures", all.failures);
  if (all.handed_back > 0) out.add("handed_back", all.handed_back);
  if (all.cut > 0) out.add("cut", all.cut);
  if (book_.in_work() > 0) out.add("left", book_.in_work());
  const std::uint64_t uncommitted = count_.uncommitted + book_.uncommitted();
  if (uncommitted > 0) out.add("uncommitted", uncommitted);
  std::string names;
  for (const std::string& each : named_) names.append(names.empty() ? "" : ", ").append(each);
  if (!names.empty()) out.add("not_committed", names);
  if (count_.generations_lost > 0) out.add("generations_lost", count_.generations_lost);
  if (count_.refused_commits > 0) out.add("refused_commits", count_.refused_commits);
  out.lost = all.cut > 0 || book_.in_work() > 0;
}

void consumer_core::measure(metrics& into) const {
  const lock held(mutex_);
  const auto number = [](std::size_t of) { return static_cast<double>(of); };
  const consume_book::counts& all = book_.count();
  into.gauge("lastcall_kafka_partitions", "Partitions that it has.", number(contexts_.size()));
  into.gauge("lastcall_kafka_waiting", "Messages that were taken and wait.", number(book_.waiting()));
  into.gauge("lastcall_kafka_in_work", "Messages that a worker is at work on.", number(book_.in_work()));
  into.gauge("lastcall_kafka_uncommitted", "Messages that are finished and not committed.",
             number(book_.uncommitted()));
  constexpr std::string_view ended = "Messages that it has taken, by their end.";
  into.counter("lastcall_kafka_messages_total", ended, all.done, {{"end", "done"}});
  into.counter("lastcall_kafka_messages_total", ended, all.poisoned, {{"end", "poisoned"}});
  into.counter("lastcall_kafka_messages_total", ended, all.handed_back, {{"end", "handed_back"}});
  into.counter("lastcall_kafka_messages_total", ended, all.cut, {{"end", "cut"}});
  into.counter("lastcall_kafka_failures_total", "Calls of work and poison that threw.", all.failures);
  constexpr std::string_view commits = "Commits that were answered.";
  into.counter("lastcall_kafka_commits_total", commits, count_.commits, {{"answer", "done"}});
  into.counter("lastcall_kafka_commits_total", commits, count_.refused_commits, {{"answer", "refused"}});
  into.counter("lastcall_kafka_revocations_total", "How often the group took partitions away.", count_.revocations);
  into.counter("lastcall_kafka_generations_lost_total", "How often the group had moved on without it.",
               count_.generations_lost);
  into.show("in_work", book_.in_work()).show("queued", book_.waiting());
}

void consumer_core::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  const time_point now = steady().now();
  std::vector<work_item> items;
  {
    const lock held(mutex_);
    for (const work_under_way& one : in_work_)
      if (one.it != nullptr)
        items.push_back({.label = one.label, .age = now - one.since, .waits_for = one.with.waits_for()});
  }
  std::ranges::sort(items, std::ranges::greater(), &work_item::age);
  items.resize(std::min(items.size(), limit));
  std::ranges::move(items, std::back_inserter(out));
}

}  // namespace lastcall::inline v0::kafka::detail
