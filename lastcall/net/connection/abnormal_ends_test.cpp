#include "lastcall/net/connection/abnormal_ends.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace lastcall::net::abnormal_ends_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct lines {
  logger log{log_level::info, [this](const log_record& record) {
               std::string line(record.component);
               for (const auto& field : record.fields)
                 line.append(" ").append(field.key).append("=").append(field.value);
               all.push_back(std::move(line));
             }};
  std::vector<std::string> all;
};

const endpoint remote = endpoint_of("192.0.2.1", 4711);

TEST(abnormal_ends, says_who_where_and_how) {
  lines l;
  abnormal_ends ends(l.log, "front");
  ends.note(remote, connection_state::busy, io_end::reset, steady().now());
  EXPECT_THAT(l.all, ElementsAre("front remote=192.0.2.1:4711 state=busy how=reset left_out=0"));
}

TEST(abnormal_ends, counts_by_kind) {
  lines l;
  abnormal_ends ends(l.log, "front");
  const time_point now = steady().now();
  ends.note(remote, connection_state::busy, io_end::reset, now);
  ends.note(remote, connection_state::idle, io_end::broken_pipe, now);
  ends.note(remote, connection_state::idle, io_end::broken_pipe, now);
  EXPECT_EQ(ends.count(io_end::reset), 1U);
  EXPECT_EQ(ends.count(io_end::broken_pipe), 2U);
  EXPECT_EQ(ends.count(io_end::timed_out), 0U);
}

TEST(abnormal_ends, writes_ten_lines_a_second_and_counts_the_rest) {
  lines l;
  abnormal_ends ends(l.log, "front");
  const time_point now = steady().now();
  for (int i = 0; i < 1000; ++i) ends.note(remote, connection_state::idle, io_end::reset, now + i * 100us);
  EXPECT_EQ(l.all.size(), 10U);
  ends.note(remote, connection_state::idle, io_end::reset, now + 2s);
  ASSERT_EQ(l.all.size(), 11U);
  EXPECT_THAT(l.all.back(), ::testing::HasSubstr("left_out=990"));
  EXPECT_EQ(ends.count(io_end::reset), 1001U);
}

TEST(abnormal_ends, leaves_no_end_uncounted_with_several_threads) {
  std::uint64_t told = 0, left_out = 0;  // the sink is called by one thread at a time
  const logger log(log_level::info, [&](const log_record& record) {
    ++told;
    for (const auto& field : record.fields)
      if (field.key == "left_out") left_out += std::stoull(std::string(field.value));
  });
  abnormal_ends ends(log, "front");
  const time_point now = steady().now();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) ends.note(remote, connection_state::idle, io_end::reset, now);
    });
  for (auto& each : threads) each.join();
  ends.note(remote, connection_state::idle, io_end::reset, now + 2s);
  EXPECT_EQ(ends.count(io_end::reset), 4001U);
  EXPECT_EQ(told + left_out, 4001U);
}

}  // namespace lastcall::net::abnormal_ends_test
