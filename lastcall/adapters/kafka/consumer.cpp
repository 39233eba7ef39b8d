#include "lastcall/adapters/kafka/consumer.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lastcall/adapters/kafka/consumer_core.hpp"
#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::kafka {

namespace {

consumer_options checked(consumer_options with) {
  if (with.name.empty()) with.name = "kafka";
  const auto refuse = [&](const char* what) { throw std::invalid_argument(with.name + ": " + what); };
  if (with.brokers.empty()) refuse("brokers is empty; give HOST:PORT, several with commas");
  if (with.group.empty()) refuse("group is empty; give the name of the consumer group");
  if (with.topics.empty() || std::ranges::count(with.topics, std::string()) > 0)
    refuse("topics is empty, or has an empty name; give the names of topics");
  if (!with.work) refuse("work is empty; give a function that works on a message");
  const lastcall::detail::option_check in(with.name);
  in.number("most_tries", with.most_tries, 0, 1'000'000);
  in.time_above_zero("first_pause", with.first_pause);
  in.time_above_zero("longest_pause", with.longest_pause);
  if (with.longest_pause < with.first_pause)
    throw std::invalid_argument(with.name + ": longest_pause = " + lastcall::to_text(with.longest_pause) +
                                "; give at least first_pause, which is " + lastcall::to_text(with.first_pause));
  in.number("workers", with.workers, 1, 10'000);
  in.number("most", with.most, 1, 1'000'000);
  in.time("commit_every", with.commit_every, std::chrono::milliseconds(1));
  in.time_above_zero("commit_within", with.commit_within);
  in.time_above_zero("revoke_within", with.revoke_within);
  in.time_above_zero("close_within", with.close_within);
  detail::check_settings(with.name, with.config,
                         {{"bootstrap.servers", "use the option brokers"},
                          {"metadata.broker.list", "use the option brokers"},
                          {"group.id", "use the option group"},
                          {"enable.auto.commit", "the consumer commits what is finished; use commit_every"},
                          {"auto.commit.enable", "the consumer commits what is finished; use commit_every"},
                          {"auto.offset.reset", "use the option from_beginning"},
                          {"auto.commit.interval.ms", "use the option commit_every"},
                          {"enable.auto.offset.store", "the consumer commits what is finished; use commit_every"},
                          {"partition.assignment.strategy", "use the option rebalance"}});
  return with;
}

}  // namespace

consumer::consumer(options with, app& owner)
    : core_(std::make_shared<detail::consumer_core>(checked(std::move(with)), owner.log(), &owner)) {}

consumer::consumer(options with, logger log)
    : core_(std::make_shared<detail::consumer_core>(checked(std::move(with)), std::move(log), nullptr)) {}

consumer::~consumer() { core_->leave(); }

void consumer::start(context) { core_->start(); }
void consumer::drain(context ends, drained done) { core_->drain(ends, std::move(done)); }
void consumer::force() noexcept { core_->force(); }
void consumer::stop() noexcept { core_->stop(); }
void consumer::account(component_report& out) const { core_->account(out); }
void consumer::measure(metrics& into) const { core_->measure(into); }
void consumer::in_progress(std::vector<work_item>& out, std::size_t limit) const { core_->in_progress(out, limit); }
rd_kafka_t* consumer::native_handle() const noexcept { return core_->native_handle(); }

}  // namespace lastcall::inline v0::kafka
