#include "lastcall/adapters/kafka/partition_end.hpp"

#include <gtest/gtest.h>

namespace lastcall::kafka::partition_end_test {

using namespace std::chrono_literals;
using kafka::detail::partition_end;
using enum partition_end::step;

const time_point t0 = time_point() + 1h;

partition_end::bounds bounds() { return {.finish_by = t0 + 10s, .cut_within = 1s, .commit_within = 5s}; }

TEST(partition_end, finishes_commits_and_lets_go) {
  partition_end it(bounds());
  EXPECT_EQ(it.next(t0, {}), wait);
  EXPECT_EQ(it.due(), t0 + 10s);
  EXPECT_EQ(it.next(t0 + 2s, {.quiet = true}), commit);
  EXPECT_EQ(it.due(), t0 + 7s);
  EXPECT_EQ(it.next(t0 + 3s, {.quiet = true}), commit);
  EXPECT_EQ(it.next(t0 + 3s, {.quiet = true, .committed = true}), let_go);
  EXPECT_TRUE(it.is_over());
}

TEST(partition_end, forces_work_that_takes_too_long_and_commits_what_is_finished) {
  partition_end it(bounds());
  EXPECT_EQ(it.next(t0 + 10s, {}), force);
  EXPECT_EQ(it.next(t0 + 10s, {}), wait);
  EXPECT_EQ(it.due(), t0 + 11s);
  EXPECT_EQ(it.next(t0 + 11s, {}), commit);
  EXPECT_EQ(it.next(t0 + 16s, {}), let_go);
}

TEST(partition_end, does_not_commit_what_no_broker_takes) {
  partition_end it(bounds());
  EXPECT_EQ(it.next(t0, {.quiet = true, .hopeless = true}), let_go);
}

TEST(partition_end, waits_for_no_broker_longer_than_it_may) {
  partition_end slow(bounds());
  EXPECT_EQ(slow.next(t0, {.quiet = true}), commit);
  EXPECT_EQ(slow.next(t0 + 5s, {.quiet = true}), let_go);

  auto of = bounds();
  of.latest = t0 + 3s;
  partition_end late(of);
  EXPECT_EQ(late.next(t0 + 2s, {.quiet = true}), commit);
  EXPECT_EQ(late.next(t0 + 3s, {.quiet = true}), let_go);
}

TEST(partition_end, that_is_forced_from_outside_gives_each_part_that_is_left_its_short_time) {
  partition_end working(bounds());
  EXPECT_EQ(working.next(t0, {}), wait);
  working.hurry(t0 + 1s, 100ms);
  EXPECT_EQ(working.next(t0 + 1s, {}), force);
  EXPECT_EQ(working.next(t0 + 1s + 100ms, {}), commit);
  EXPECT_EQ(working.next(t0 + 1s + 200ms, {}), let_go);

  auto of = bounds();
  of.latest = of.finish_by;
  partition_end late(of);
  EXPECT_EQ(late.next(t0, {}), wait);
  late.hurry(t0 + 10s, 100ms);
  EXPECT_EQ(late.next(t0 + 10s, {}), force);
  EXPECT_EQ(late.next(t0 + 10s, {.quiet = true}), commit);

  partition_end committing(bounds());
  EXPECT_EQ(committing.next(t0, {.quiet = true}), commit);
  committing.hurry(t0 + 1s, 100ms);
  EXPECT_EQ(committing.next(t0 + 1s, {.quiet = true}), commit);
  EXPECT_EQ(committing.next(t0 + 1s + 100ms, {.quiet = true}), let_go);
}

}  // namespace lastcall::kafka::partition_end_test
