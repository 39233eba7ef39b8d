// Three members of a consumer group, told to stop and started anew in the middle of their work: each message is worked
// on at least once, none by half, and what is committed is finished.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/sqlite.hpp"
#include "tests/services/kafka_fixture.hpp"

namespace service_tests {

using lastcall::deadline;
using lastcall::testing::exit_status;

namespace {

constexpr int partitions = 6;
const std::string topic = "orders", group = "ledgers";
// The mock cluster waits 3 s for the members of a new group, and later as long as a session less a second. A session
// that is over meanwhile ends the member, whose join is then never answered: in 2.0.2 one that waits counts as silent.
const std::string session = "4s";

/// examples/32_kafka/kafka_ledger.
class ledger {
 public:
  ledger(const kafka_brokers& brokers, const std::string& db, const std::vector<std::string>& more = {})
      : process(command(brokers, db, scratch_.file("report.json"), more)) {
    if (!process.wait_for_line("consuming ", deadline(60s))) throw std::runtime_error("no ledger: " + process.errors());
  }

  /// Ends it by SIGTERM, within its grace period.
  exit_status end() {
    process.signal(SIGTERM);
    return process.wait(deadline(60s)).value();
  }
  /// What it says at SIGQUIT, and all that it said before.
  std::string how_it_stands() const {
    process.signal(SIGQUIT);
    static_cast<void>(process.wait_for_error_line("poll", deadline(5s)));
    return process.errors();
  }
  /// A field of the consumer's part of the report; 0 if it is not there.
  double field(const std::string& name) const {
    const auto report = process_tests::document::from_file(scratch_.file("report.json"));
    for (std::size_t i = 0; i < report.size("components"); ++i) {
      const std::string path = "components." + std::to_string(i);
      if (report.text(path + ".name") != "kafka") continue;
      return report.has(path + ".fields." + name) ? report.number(path + ".fields." + name) : 0;
    }
    throw std::runtime_error("no report");
  }
  double field_sum(const std::vector<std::string>& names) const {
    double all = 0;
    for (const std::string& each : names) all += field(each);
    return all;
  }

 private:
  static std::vector<std::string> command(const kafka_brokers& brokers, const std::string& db,
                                          const std::string& report, const std::vector<std::string>& more) {
    std::vector<std::string> all{process_tests::program("kafka_ledger"),
                                 "--brokers",
                                 brokers.list(),
                                 "--topic",
                                 topic,
                                 "--group",
                                 group,
                                 "--db",
                                 db,
                                 "--report",
                                 report,
                                 "--session",
                                 session,
                                 "--grace",
                                 "20s"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  process_tests::scratch_folder scratch_;

 public:
  lastcall::testing::child_process process;
};

class kafka_group : public testing::Test {
 protected:
  std::string db() const { return folder_.file("ledger.db"); }
  std::int64_t ask(const std::string& sql) const {
    return (*lastcall::sqlite::connection::open({}, {.path = db()})->query({}, sql.c_str()))[0].get<std::int64_t>(0);
  }
  std::int64_t rows() const { return ask("select count(*) from processed"); }
  std::int64_t distinct() const {
    return ask("select count(*) from (select distinct partition, \"offset\" from processed)");
  }
  bool reaches(std::int64_t messages) const {
    for (const deadline by(120s); distinct() < messages; std::this_thread::sleep_for(20ms))
      if (by.passed(std::chrono::steady_clock::now())) return false;
    return true;
  }
  /// What is committed is finished: the row of each message before the group's position is there.
  void expect_committed_is_finished(const kafka_brokers& brokers) const {
    const auto positions = committed_offsets(brokers.list(), group, topic, partitions);
    for (int i = 0; i < partitions; ++i) {
      const auto position = std::max<std::int64_t>(positions[static_cast<std::size_t>(i)], 0);
      EXPECT_EQ(ask("select count(distinct \"offset\") from processed where partition = " + std::to_string(i) +
                    " and \"offset\" < " + std::to_string(position)),
                position)
          << "partition " << i;
    }
  }
  void shuts_down_amid_consumption(const std::vector<std::string>& more, int shutdowns);

  std::int64_t duplicates = 0, uncommitted = 0, lost_generations = 0;

 private:
  process_tests::scratch_folder folder_;
};

void kafka_group::shuts_down_amid_consumption(const std::vector<std::string>& more, int shutdowns) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const kafka_brokers brokers({topic + ":" + std::to_string(partitions)});
  std::vector<std::optional<ledger>> members(3);
  for (auto& each : members) each.emplace(brokers, db(), more);
  int put = 0;
  const auto put_more = [&](int count) {
    put_messages(brokers.list(), topic, partitions, count, put);
    put += count;
  };
  put_more(500);
  const auto how_they_stand = [&] {
    std::string all;
    for (auto& each : members) all.append(each->how_it_stands()).append("\n");
    return all;
  };
  const auto end = [&](ledger& of) {
    EXPECT_EQ(of.end(), (exit_status{.code = 0})) << of.process.errors();
    uncommitted += static_cast<std::int64_t>(of.field("uncommitted"));
    lost_generations += static_cast<std::int64_t>(of.field("generations_lost"));
    EXPECT_EQ(of.field("cut"), 0);
    EXPECT_EQ(of.field("left"), 0);
  };
  ASSERT_TRUE(reaches(100)) << how_they_stand();
  for (int round = 0; round < shutdowns; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const std::int64_t before = distinct();
    put_more(200);
    ASSERT_TRUE(reaches(before + static_cast<std::int64_t>(random() % 200))) << how_they_stand();
    auto& one = members[random() % members.size()];
    end(*one);
    expect_committed_is_finished(brokers);
    one.emplace(brokers, db(), more);
  }
  ASSERT_TRUE(reaches(static_cast<std::int64_t>(put) * partitions))
      << distinct() << " of " << put * partitions << how_they_stand();
  for (auto& each : members) end(*each);
  expect_committed_is_finished(brokers);
  EXPECT_EQ(distinct(), static_cast<std::int64_t>(put) * partitions) << "each was worked on";
  EXPECT_EQ(ask("select count(*) from processed where value <> cast(\"offset\" as text)"), 0) << "none by half";
  duplicates = rows() - distinct();
  std::printf(
      "%d shutdowns of 3 members, %d messages: %lld done twice, %lld were named as not committed, "
      "%lld generations lost\n",
      shutdowns + 3, put * partitions, static_cast<long long>(duplicates), static_cast<long long>(uncommitted),
      static_cast<long long>(lost_generations));
}

}  // namespace

TEST_F(kafka_group, that_is_cooperative_does_no_message_twice_after_clean_ends) {
  shuts_down_amid_consumption({}, process_tests::runs(20, 2));
  if (lost_generations == 0) {
    EXPECT_EQ(duplicates, 0);
  } else {
    EXPECT_LE(duplicates, uncommitted);
  }
}

TEST_F(kafka_group, that_keeps_the_order_of_keys_does_no_message_twice_either) {
  shuts_down_amid_consumption({"--by-key", "--workers", "8"}, process_tests::runs(20, 1));
  if (lost_generations == 0) {
    EXPECT_EQ(duplicates, 0);
  } else {
    EXPECT_LE(duplicates, uncommitted);
  }
}

TEST_F(kafka_group, that_is_eager_does_only_those_twice_that_it_has_named) {
  shuts_down_amid_consumption({"--eager"}, process_tests::runs(20, 1));
  EXPECT_LE(duplicates, uncommitted);
}

TEST_F(kafka_group, whose_member_is_killed_loses_nothing) {
  const kafka_brokers brokers({topic + ":" + std::to_string(partitions)});
  std::vector<std::optional<ledger>> members(2);
  for (auto& each : members) each.emplace(brokers, db());
  put_messages(brokers.list(), topic, partitions, 300);
  ASSERT_TRUE(reaches(100));
  members[0]->process.signal(SIGKILL);
  ASSERT_TRUE(members[0]->process.wait(deadline(60s)));
  const auto positions = committed_offsets(brokers.list(), group, topic, partitions);
  ASSERT_TRUE(reaches(300 * partitions));
  EXPECT_EQ(members[1]->end(), (exit_status{.code = 0})) << members[1]->process.errors();
  for (int i = 0; i < partitions; ++i)
    EXPECT_EQ(ask("select count(*) - count(distinct \"offset\") from processed where partition = " + std::to_string(i) +
                  " and \"offset\" < " + std::to_string(positions[static_cast<std::size_t>(i)])),
              0)
        << "what was committed is not done again";
}

}  // namespace service_tests
