#include "lastcall/core/log/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace lastcall::log_test {

using ::testing::ElementsAre;
using ::testing::EndsWith;

TEST(log, lets_through_what_reaches_the_threshold) {
  std::vector<std::string> lines;
  const logger log(log_level::warning, [&](const log_record& record) {
    lines.push_back(std::string(to_text(record.level)) + " " + std::string(record.component) + " " +
                    std::string(record.text));
  });
  log.debug("a", "one");
  log.info("a", "two");
  log.warning("a", "three");
  log.error("b", "four");
  log.write(log_level::none, "b", "five");
  EXPECT_THAT(lines, ElementsAre("warning a three", "error b four"));
  EXPECT_FALSE(log.enabled(log_level::info));
  EXPECT_TRUE(log.enabled(log_level::error));
}

TEST(log, is_silent_at_none) {
  int lines = 0;
  const logger log(log_level::none, [&](const log_record&) { ++lines; });
  log.error("a", "one");
  EXPECT_EQ(lines, 0);
  EXPECT_FALSE(log.enabled(log_level::none));
}

TEST(log, hands_fields_to_the_sink) {
  std::string seen;
  const logger log(log_level::info, [&](const log_record& record) {
    for (const log_field& field : record.fields) seen.append(field.key).append("=").append(field.value).append(";");
  });
  log.info("http", "reset", {{"remote", "127.0.0.1"}, {"kind", "reset"}});
  EXPECT_EQ(seen, "remote=127.0.0.1;kind=reset;");
}

TEST(log, swallows_what_a_sink_throws) {
  const logger log(log_level::info, [](const log_record&) { throw std::runtime_error("full"); });
  EXPECT_NO_THROW(log.error("a", "one"));
  EXPECT_NO_THROW(log.error("a", "two"));
  EXPECT_EQ(log.dropped(), 2U);
}

TEST(log, reads_its_levels_from_text) {
  for (const auto level : {log_level::debug, log_level::info, log_level::warning, log_level::error, log_level::none}) {
    EXPECT_EQ(parse_log_level(to_text(level)), level);
  }
  EXPECT_EQ(parse_log_level("Info"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
}

TEST(log, writes_what_a_sink_to_a_descriptor_was_given_before_the_sink_goes) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  {
    const logger log(log_level::info, descriptor_sink(ends[1]));
    log.info("http", "listening", {{"port", "8080"}});
    EXPECT_TRUE(log.flush(duration::zero())) << "of a sink nothing is known";
    EXPECT_EQ(log.dropped(), 0U);
  }
  close(ends[1]);
  char text[200] = {};
  EXPECT_GT(read(ends[0], text, sizeof text - 1), 0);
  EXPECT_THAT(text, EndsWith("Z info  http: listening port=8080\n"));
  close(ends[0]);
}

}  // namespace lastcall::log_test
