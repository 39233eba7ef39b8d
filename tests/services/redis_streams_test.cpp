// Three consumers on one stream, of which one after the other is told to stop and replaced, under load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "tests/services/stream_workers.hpp"

namespace service_tests {

using lastcall::deadline;
using process_tests::runs;

TEST(redis_streams, lose_nothing_and_repeat_nothing_over_many_shutdowns) {
  const redis_server server;
  stream_auditor auditor(server.url());
  orders load(server.url());
  std::array<std::optional<stream_worker>, 3> workers;
  for (auto& each : workers) each.emplace(server.url());
  std::int64_t acknowledged = 0;
  const auto end = [&](stream_worker& one) {
    one.process.signal(SIGTERM);
    const auto ended = one.process.wait(deadline(120s));
    ASSERT_TRUE(ended) << "it hangs";
    EXPECT_EQ(ended->code, 0) << one.process.errors();
    const auto report = one.report();
    EXPECT_EQ(report.number("components.1.fields.done"), report.number("components.1.fields.acknowledged"));
    acknowledged += static_cast<std::int64_t>(report.number("components.1.fields.acknowledged"));
  };
  for (int run = 0; run < runs(20, 6); ++run) {
    auto& one = workers[static_cast<std::size_t>(run) % workers.size()];
    load.wait_for_more(process_tests::sanitized ? 20 : 200);
    end(*one);
    if (testing::Test::HasFatalFailure()) return;
    auditor.expect_nothing_half();
    one.emplace(server.url());
  }
  load.stop();
  EXPECT_TRUE(auditor.all_is_done()) << "something is left";
  for (auto& each : workers) end(*each);
  EXPECT_EQ(acknowledged, static_cast<std::int64_t>(load.added()));
  EXPECT_EQ(auditor.pending().size(), 0u);
  const auto shipped = auditor.times("shipped");
  const auto packed = auditor.times("packed");
  EXPECT_EQ(shipped.size(), load.added());
  for (const auto& [id, times] : shipped) {
    EXPECT_EQ(times, 1) << id << ": each end was clean";
    EXPECT_EQ(packed.at(id), 1) << id;
  }
  EXPECT_TRUE(auditor.ask("XINFO", "CONSUMERS", "orders", "shipping").empty()) << "a consumer stays in the group";
}

TEST(redis_streams, names_what_it_could_not_finish_and_another_does_it) {
  const redis_server server;
  stream_auditor auditor(server.url());
  const auto first = std::string(auditor.ask("XADD", "orders", "*", "takes_ms", 600'000).text());
  {
    stream_worker one(server.url(), "1s");
    while (auditor.times("packed").empty()) ASSERT_TRUE(one.process.running()) << one.process.errors();
    one.process.signal(SIGTERM);
    const auto ended = one.process.wait(deadline(120s));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->code, 3) << one.process.errors();
    EXPECT_EQ(one.report().text("components.1.fields.unacknowledged_ids"), first);
    EXPECT_EQ(one.report().text("components.1.in_progress.0.label"), first);
    EXPECT_THAT(one.process.errors(), testing::HasSubstr("not acknowledged"));
  }
  EXPECT_EQ(auditor.pending(), std::set<std::string>{first});
  EXPECT_TRUE(auditor.times("shipped").empty());
  // The next one gets it at once, not after `claim_after`.
  stream_worker next(server.url(), "1s");
  for (const deadline by(60s); auditor.times("packed")[first] != 2;)
    ASSERT_FALSE(by.passed(std::chrono::steady_clock::now())) << next.process.errors();
  next.process.signal(SIGTERM);
  EXPECT_TRUE(next.process.wait(deadline(120s)));
}

// As an entry does that kills its process: those that wait behind it are not tried with it.
TEST(redis_streams, of_a_consumer_that_was_killed_were_only_tried_as_its_workers_began_with_them) {
  const redis_server server;
  stream_auditor auditor(server.url());
  for (int i = 0; i < 4; ++i) auditor.ask("XADD", "orders", "*", "takes_ms", 600'000);
  for (int i = 0; i < 20; ++i) auditor.ask("XADD", "orders", "*", "takes_ms", 1);
  stream_worker dies(server.url());
  while (auditor.times("packed").size() < 4) ASSERT_TRUE(dies.process.running()) << dies.process.errors();
  dies.process.signal(SIGKILL);
  ASSERT_TRUE(dies.process.wait(deadline(60s)));
  EXPECT_EQ(auditor.pending().size(), 4u);
}

// SIGKILL: what it held is claimed, at the latest after `claim_after`.
TEST(redis_streams, of_a_consumer_that_was_killed_are_worked_off_by_the_others) {
  const redis_server server;
  stream_auditor auditor(server.url());
  orders load(server.url());
  stream_worker stays(server.url());
  for (int run = 0; run < runs(5, 1); ++run) {
    stream_worker dies(server.url());
    load.wait_for_more(100);
    dies.process.signal(SIGKILL);
    ASSERT_TRUE(dies.process.wait(deadline(60s)));
  }
  load.stop();
  EXPECT_TRUE(auditor.all_is_done());
  auditor.expect_nothing_half();
  stays.process.signal(SIGTERM);
  const auto ended = stays.process.wait(deadline(120s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0) << stays.process.errors();
}

}  // namespace service_tests
