#include "lastcall/core/gate.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

namespace lastcall::gate_test {

TEST(gate, counts_those_inside) {
  gate door;
  EXPECT_EQ(door.inside(), 0u);
  {
    const auto first = door.enter();
    ASSERT_TRUE(first);
    EXPECT_EQ(door.inside(), 1u);
    const auto second = door.enter();
    EXPECT_EQ(door.inside(), 2u);
  }
  EXPECT_EQ(door.inside(), 0u);
}

TEST(gate, lets_nobody_in_once_closed) {
  gate door;
  EXPECT_FALSE(door.closed());
  door.close([] {});
  EXPECT_TRUE(door.closed());
  EXPECT_FALSE(door.enter());
  EXPECT_EQ(door.inside(), 0u);
}

TEST(gate, is_drained_at_once_when_nobody_is_inside) {
  gate door;
  int drained = 0;
  door.close([&] { ++drained; });
  EXPECT_EQ(drained, 1);
}

TEST(gate, is_drained_when_the_last_ticket_is_gone_and_not_before) {
  gate door;
  int drained = 0;
  auto first = door.enter();
  auto second = door.enter();
  door.close([&] { ++drained; });
  first.reset();
  EXPECT_EQ(drained, 0);
  second.reset();
  EXPECT_EQ(drained, 1);
}

TEST(gate, is_not_drained_by_being_empty_while_open) {
  gate door;
  int drained = 0;
  door.enter().reset();
  auto inside = door.enter();
  door.close([&] { ++drained; });
  EXPECT_EQ(drained, 0);
  inside.reset();
  EXPECT_EQ(drained, 1);
}

TEST(gate, counts_a_moved_ticket_once) {
  gate door;
  auto first = door.enter();
  ticket moved = std::move(*first);
  first.reset();
  EXPECT_EQ(door.inside(), 1u);
  {
    ticket other = std::move(*door.enter());
    EXPECT_EQ(door.inside(), 2u);
    moved = std::move(other);
    EXPECT_EQ(door.inside(), 1u);
  }
  EXPECT_EQ(door.inside(), 1u);
}

TEST(gate, closes_once) {
  gate door;
  int first = 0;
  int second = 0;
  auto inside = door.enter();
  door.close([&] { ++first; });
  door.close([&] { ++second; });
  inside.reset();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
}

TEST(gate, may_be_closed_without_anybody_to_tell) {
  gate door;
  auto inside = door.enter();
  door.close(nullptr);
  inside.reset();
  EXPECT_EQ(door.inside(), 0u);
}

TEST(gate, may_go_before_its_tickets) {
  int drained = 0;
  auto open = std::make_unique<gate>();
  auto closed = std::make_unique<gate>();
  auto in_open = open->enter();
  auto in_closed = closed->enter();
  closed->close([&] { ++drained; });
  open.reset();
  closed.reset();
  EXPECT_EQ(drained, 0);
  in_open.reset();
  in_closed.reset();
  EXPECT_EQ(drained, 1);
}

TEST(gate, may_be_destroyed_by_the_one_it_tells) {
  auto door = std::make_unique<gate>();
  auto inside = door->enter();
  door->close([&] { door.reset(); });
  inside.reset();
  EXPECT_EQ(door, nullptr);

  auto empty = std::make_unique<gate>();
  gate& closing = *empty;
  closing.close([&] { empty.reset(); });
  EXPECT_EQ(empty, nullptr);
}

TEST(gate, sees_everybodys_work_when_many_threads_race_its_closing) {
  for (int round = 0; round < 100; ++round) {
    gate door;
    std::vector<int> work(4);  // not atomic: the gate must order it before `drained`
    std::atomic<int> admitted{0};
    std::atomic<int> drained{0};
    int sum = -1;
    std::barrier start(5);
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < work.size(); ++i) {
        threads.emplace_back([&, i] {
          start.arrive_and_wait();
          for (int n = 0; n < 2000; ++n) {
            const auto inside = door.enter();
            if (!inside) break;
            ++work[i];
            ++admitted;
          }
        });
      }
      start.arrive_and_wait();
      door.close([&] {
        sum = work[0] + work[1] + work[2] + work[3];
        ++drained;
      });
    }
    ASSERT_EQ(drained, 1);
    ASSERT_EQ(sum, admitted);
  }
}

}  // namespace lastcall::gate_test
