// The options of the adapter for Kafka, at and beyond their bounds.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lastcall/adapters/kafka/consumer.hpp"
#include "lastcall/adapters/kafka/producer.hpp"
#include "lastcall/core/app/count_members_test.hpp"

namespace lastcall::kafka::option_ranges_test {

using namespace std::chrono_literals;
using lastcall::detail::members;

/// Refused with an error that names it, before a broker is asked.
template <class F> void is_refused(const std::string& what, const F& use) {
  SCOPED_TRACE(what);
  try {
    use();
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string_view(e.what()).find(what), std::string_view::npos) << e.what();
    EXPECT_EQ(std::string_view(e.what()).substr(0, 5), "bus: ") << e.what();
  }
}

consumer_options a_consumer() {
  return {.brokers = "127.0.0.1:1",
          .group = "g",
          .topics = {"t"},
          .work = [](const message&, const context&) {},
          .name = "bus"};
}
producer_options a_producer() { return {.brokers = "127.0.0.1:1", .name = "bus"}; }

template <class V>
void consumer_refuses(const std::string& name, V consumer_options::* member, const std::vector<V>& values) {
  for (const V& value : values)
    is_refused(name + " = ", [&] {
      consumer_options of = a_consumer();
      of.*member = value;
      const consumer made(std::move(of));
    });
}
template <class V>
void producer_refuses(const std::string& name, V producer_options::* member, const std::vector<V>& values) {
  for (const V& value : values)
    is_refused(name + " = ", [&] {
      producer_options of = a_producer();
      of.*member = value;
      const producer made(std::move(of));
    });
}

const std::vector<duration> no_times{-1ns, 0ns, 24h + 1ns, duration::max(), duration::min()};

TEST(option_ranges, of_consumers_are_refused_by_name) {
  static_assert(members<consumer_options>() == 20);  // order, rebalance and from_beginning have no value that is wrong
  is_refused("brokers is empty", [] {
    consumer_options of = a_consumer();
    of.brokers = "";
    const consumer made(std::move(of));
  });
  is_refused("group is empty", [] {
    consumer_options of = a_consumer();
    of.group = "";
    const consumer made(std::move(of));
  });
  for (const std::vector<std::string>& none : {std::vector<std::string>{}, std::vector<std::string>{"t", ""}})
    is_refused("topics is empty", [&] {
      consumer_options of = a_consumer();
      of.topics = none;
      const consumer made(std::move(of));
    });
  is_refused("work is empty", [] {
    consumer_options of = a_consumer();
    of.work = {};
    const consumer made(std::move(of));
  });
  consumer_refuses<std::size_t>("most_tries", &consumer_options::most_tries, {1'000'001, std::size_t(-1)});
  consumer_refuses<duration>("first_pause", &consumer_options::first_pause, no_times);
  consumer_refuses<duration>("longest_pause", &consumer_options::longest_pause, no_times);
  consumer_refuses<duration>("longest_pause", &consumer_options::longest_pause, {99ms});
  consumer_refuses<std::size_t>("workers", &consumer_options::workers, {0, 10'001, std::size_t(-1)});
  consumer_refuses<std::size_t>("most", &consumer_options::most, {0, 1'000'001, std::size_t(-1)});
  consumer_refuses<duration>("commit_every", &consumer_options::commit_every, no_times);
  consumer_refuses<duration>("commit_every", &consumer_options::commit_every, {999us});
  consumer_refuses<duration>("commit_within", &consumer_options::commit_within, no_times);
  consumer_refuses<duration>("revoke_within", &consumer_options::revoke_within, no_times);
  consumer_refuses<duration>("close_within", &consumer_options::close_within, no_times);
}

TEST(option_ranges, of_producers_are_refused_by_name) {
  static_assert(members<producer_options>() == 10);
  is_refused("brokers is empty", [] {
    producer_options of = a_producer();
    of.brokers = "";
    const producer made(std::move(of));
  });
  producer_refuses<std::size_t>("most", &producer_options::most, {0, 10'000'000, std::size_t(-1)});
  producer_refuses<std::size_t>("most_bytes", &producer_options::most_bytes, {0, std::size_t(-1)});
  producer_refuses<duration>("longest_wait", &producer_options::longest_wait, no_times);
  producer_refuses<duration>("deliver_within", &producer_options::deliver_within, no_times);
  producer_refuses<duration>("close_within", &producer_options::close_within, no_times);
}

TEST(option_ranges, of_librdkafka_that_are_options_here_name_the_option) {
  for (const auto& [setting, instead] :
       {std::pair("group.id", "option group"), std::pair("enable.auto.commit", "commit_every"),
        std::pair("partition.assignment.strategy", "option rebalance")})
    is_refused(std::string("config: ") + setting + " = x; ", [&] {
      consumer_options of = a_consumer();
      of.config = {{setting, "x"}};
      const consumer made(std::move(of));
    });
  is_refused("config: enable.idempotence = false; it is always on", [] {
    producer_options of = a_producer();
    of.config = {{"enable.idempotence", "false"}};
    const producer made(std::move(of));
  });
}

TEST(option_ranges, of_librdkafka_that_it_does_not_know_are_named_at_the_start) {
  consumer_options with = a_consumer();
  with.config = {{"no.such.setting", "7"}};
  consumer of(std::move(with));
  is_refused("config: no.such.setting = 7: ", [&] { of.start({}); });
  producer_options wrong = a_producer();
  wrong.config = {{"compression.type", "magic"}};
  producer to(std::move(wrong));
  is_refused("config: compression.type = magic: ", [&] { to.start({}); });
}

}  // namespace lastcall::kafka::option_ranges_test
