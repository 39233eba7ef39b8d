#include "lastcall/testing/internal/fault_line.hpp"

#include <gtest/gtest.h>

namespace lastcall::testing::fault_line_test {

using namespace std::chrono_literals;
using step = fault_line::step;
using action = fault_line::action;

const time_point zero = time_point(1h);

TEST(fault_line, without_faults_passes_everything_on_at_once_and_then_the_end) {
  fault_line line({}, 100);
  EXPECT_EQ(line.next(), std::nullopt);
  line.take("hello", zero);
  EXPECT_EQ(line.due(zero), (action{step::write, "hello"}));
  line.written(2, zero);
  EXPECT_EQ(line.due(zero), (action{step::write, "llo"}));
  line.written(3, zero);
  EXPECT_EQ(line.due(zero), action{});
  line.take_end(false, zero);
  EXPECT_EQ(line.due(zero), action{step::half_close});
  EXPECT_EQ(line.due(zero), action{}) << "once";
  EXPECT_TRUE(line.over());
  EXPECT_EQ(line.passed(), 5u);
}

TEST(fault_line, delays_bytes_and_their_end_alike_and_keeps_their_order) {
  fault_line line({.delay = 20ms}, 100);
  line.take("a", zero);
  line.set({.delay = 5ms});
  line.take("b", zero + 1ms);
  line.take_end(true, zero + 2ms);
  EXPECT_EQ(line.due(zero + 19ms), action{});
  EXPECT_EQ(line.next(), zero + 20ms);
  EXPECT_EQ(line.due(zero + 20ms), (action{step::write, "a"}));
  line.written(1, zero + 20ms);
  EXPECT_EQ(line.due(zero + 20ms), (action{step::write, "b"})) << "not before what was sent before it";
  line.written(1, zero + 20ms);
  EXPECT_EQ(line.due(zero + 20ms), action{step::reset});
}

TEST(fault_line, writes_pieces_with_gaps_between_them) {
  fault_line line({.piece_bytes = 2, .piece_gap = 3ms}, 100);
  line.take("abcde", zero);
  line.take_end(false, zero);
  for (int i = 0; i < 2; ++i) {
    const time_point now = zero + i * 3ms;
    ASSERT_EQ(line.due(now).bytes.size(), 2u);
    line.written(2, now);
    EXPECT_EQ(line.due(now), action{});
    EXPECT_EQ(line.next(), now + 3ms);
  }
  EXPECT_EQ(line.due(zero + 6ms), (action{step::write, "e"}));
  line.written(1, zero + 6ms);
  EXPECT_EQ(line.due(zero + 9ms), action{step::half_close});
}

TEST(fault_line, keeps_to_a_rate_evenly) {
  fault_line line({.bytes_per_second = 1000}, 10'000);
  line.take(std::string(1000, 'x'), zero);
  time_point now = zero;
  for (;;) {
    const action next = line.due(now);
    if (next.what == step::none) {
      if (!line.next()) break;
      now = *line.next();
      continue;
    }
    EXPECT_LE(next.bytes.size(), 10u);
    line.written(next.bytes.size(), now);
  }
  EXPECT_EQ(now, zero + 990ms) << "the last hundredth goes out at the end of its 10 ms before";
}

TEST(fault_line, holds_no_more_than_its_capacity) {
  fault_line line({.stalled = true}, 8);
  line.take("12345", zero);
  EXPECT_EQ(line.room(), 3u);
  line.take("678", zero);
  EXPECT_EQ(line.room(), 0u);
  EXPECT_EQ(line.due(zero + 1h), action{});
  EXPECT_EQ(line.next(), std::nullopt);
  line.set({});
  EXPECT_EQ(line.due(zero + 1h).bytes, "12345");
  line.written(5, zero + 1h);
  EXPECT_EQ(line.room(), 5u);
}

TEST(fault_line, lets_exactly_so_many_bytes_pass_before_it_breaks) {
  for (const auto& [then, what] : {std::pair{line_end::reset, step::reset},
                                   {line_end::cut, step::cut},
                                   {line_end::half_close, step::half_close},
                                   {line_end::stall, step::none}}) {
    fault_line line({.at_byte = 3, .then = then}, 100);
    line.take("abcde", zero);
    EXPECT_EQ(line.due(zero), (action{step::write, "abc"}));
    line.written(3, zero);
    EXPECT_EQ(line.due(zero).what, what);
    EXPECT_EQ(line.due(zero), action{});
    EXPECT_EQ(line.passed(), 3u);
    line.take("f", zero);
    EXPECT_EQ(line.due(zero), action{}) << "what comes later is dropped or waits";
  }
}

TEST(fault_line, breaks_before_the_first_byte_when_told_to) {
  fault_line line({.at_byte = 0}, 100);
  EXPECT_EQ(line.next(), time_point::min());
  EXPECT_EQ(line.due(zero), action{step::reset});
}

}  // namespace lastcall::testing::fault_line_test
