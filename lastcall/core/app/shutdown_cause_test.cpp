#include "lastcall/core/app/shutdown_cause.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace lastcall::shutdown_cause_test {

using namespace std::chrono_literals;

TEST(shutdown_cause, of_a_signal_counts_from_its_arrival) {
  const time_point arrived = steady().now() - 2s;
  EXPECT_EQ(stamped({.kind = cause_kind::signal, .signal = {.number = SIGTERM, .at = arrived}}, steady()).at, arrived);
}

TEST(shutdown_cause, of_a_request_counts_from_now) {
  const time_point before = steady().now();
  EXPECT_GE(stamped({.kind = cause_kind::request}, steady()).at, before);
}

TEST(shutdown_cause, is_told_in_words) {
  EXPECT_EQ(describe_cause({.kind = cause_kind::request}), "requested");
  EXPECT_EQ(describe_cause({.kind = cause_kind::request, .text = "leader lost"}), "leader lost");
  EXPECT_EQ(describe_cause({.kind = cause_kind::failed_start, .text = "in use"}), "in use");
  EXPECT_EQ(cause_for_log({.kind = cause_kind::failed_start, .text = "in use"}), "failed start");
  EXPECT_EQ(cause_for_log({.kind = cause_kind::request, .text = "leader lost"}), "leader lost");
  const std::string text = describe_cause({.kind = cause_kind::signal, .signal = {.number = SIGTERM}});
  EXPECT_TRUE(text.starts_with("SIGTERM from ")) << text;
}

TEST(shutdown_cause, is_a_terminal_only_for_a_signal_of_the_kernel) {
  EXPECT_TRUE(from_terminal({.kind = cause_kind::signal, .signal = {.number = SIGINT, .code = SI_KERNEL}}));
  EXPECT_FALSE(from_terminal({.kind = cause_kind::signal, .signal = {.number = SIGINT, .code = SI_USER}}));
  EXPECT_FALSE(from_terminal({.kind = cause_kind::request}));
}

}  // namespace lastcall::shutdown_cause_test
