#include "tests/process/net_lab/delay_line.hpp"

#include <gtest/gtest.h>

#include <chrono>

using namespace std::chrono_literals;
using lastcall::time_point;
using net_lab::delay_line;

namespace {

void push(delay_line& line, char mark, time_point now) {
  line.room()[0] = static_cast<std::byte>(mark);
  line.push(1, now);
}

char take(delay_line& line) {
  const auto packet = line.front();
  EXPECT_EQ(packet.size(), 1u);
  const char mark = static_cast<char>(packet[0]);
  line.pop();
  return mark;
}

}  // namespace

TEST(delay_line, lets_a_packet_out_after_its_delay_and_not_before) {
  delay_line line(20ms, 4);
  const time_point start{};
  EXPECT_EQ(line.next_due(), time_point::max());
  push(line, 'a', start);
  push(line, 'b', start + 5ms);
  EXPECT_EQ(line.next_due(), start + 20ms);
  EXPECT_EQ(take(line), 'a');
  EXPECT_EQ(line.next_due(), start + 25ms);
  EXPECT_EQ(take(line), 'b');
  EXPECT_TRUE(line.empty());
}

TEST(delay_line, keeps_the_order_round_and_round_its_end) {
  delay_line line(1ms, 3);
  char next = 'a';
  char expected = 'a';
  for (int round = 0; round < 7; ++round) {
    while (!line.full()) push(line, next++, time_point{});
    EXPECT_EQ(take(line), expected++);
    EXPECT_EQ(take(line), expected++);
  }
  EXPECT_EQ(line.size(), 1u);
}

TEST(delay_line, holds_no_more_than_its_capacity_and_remembers_how_full_it_was) {
  delay_line line(1ms, 2);
  push(line, 'a', time_point{});
  EXPECT_FALSE(line.full());
  push(line, 'b', time_point{});
  EXPECT_TRUE(line.full());
  line.pop();
  line.pop();
  EXPECT_EQ(line.peak(), 2u);
}
