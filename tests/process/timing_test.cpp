// How quickly the end comes. The numbers are absolute, so each is the median of several runs; the brief gate, on
// whatever machine, allows three times as much as the long run.
#include <gtest/gtest.h>

#include "lastcall/core/by_median_test.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

double allowed_ms(double ms) { return long_run() ? ms : 3 * ms; }

void expect_nothing_lost(const measured& m) {
  lastcall::each_time(m.total("lost") + m.total("late") + m.total("refused_before") == 0, m.table);
}

/// Repeats a measure and takes one of the client's times from each run.
std::vector<double> times_of(const std::string& field, int times, const measurement& m) {
  std::vector<double> all;
  for (int i = 0; i < times; ++i) {
    const auto result = measure(m);
    EXPECT_EQ(result.exit, exit_status{.code = 0}) << result.table;
    expect_nothing_lost(result);
    all.push_back(result.client.number(field));
  }
  return all;
}

void print(const std::string& what, const std::vector<double>& ms) {
  std::printf("%s: %zu runs, median %.2f ms, %.2f to %.2f\n", what.c_str(), ms.size(), median(ms),
              *std::min_element(ms.begin(), ms.end()), *std::max_element(ms.begin(), ms.end()));
}

TEST_BY_MEDIAN(timing, the_exit_follows_the_last_response_at_once) {
  const auto ms =
      times_of("last_response_to_exit_ms", runs(20, 5),
               {.loads = {long_run() ? "inflight:20,path=/slow?ms=1500" : "inflight:20,path=/slow?ms=700"}});
  print("last response to exit", ms);
  EXPECT_LE(median(ms), allowed_ms(5));
}

// Requests in flight keep the server draining, so that nearly every refusal meets a server that is still there.
TEST_BY_MEDIAN(timing, new_clients_are_refused_at_once) {
  const measurement m{.loads = {"inflight:1,path=/slow?ms=900", "fresh,rate=200"}};
  std::vector<double> slowest, first;
  for (int i = 0; i < runs(20, 3); ++i) {
    const auto result = measure(m);
    expect_nothing_lost(result);
    ASSERT_GE(result.total("refused_after"), 50) << result.table;
    slowest.push_back(result.client.number("loads.1.refusal_ms.p99"));
    first.push_back(result.client.number("signal_to_first_refusal_ms"));
  }
  print("connect to refusal (99th percentile of each run)", slowest);
  print("signal to first refusal, of a client each 5 ms", first);
  EXPECT_LE(median(slowest), allowed_ms(5));
  EXPECT_LE(median(first), allowed_ms(5 + 5)) << "a new client was taken although the end had begun";
}

std::string many() { return long_run() ? "10000" : "2000"; }

/// The signal comes when the connections have been silent for so long.
void expect_prompt_exit(const std::string& what, const std::string& load, duration quiet_before) {
  constexpr double silence_ms = 1000;
  const auto ms =
      times_of("signal_to_exit_ms", runs(5), {.server = {"--silence", "1s"}, .loads = {load}, .after = quiet_before});
  print("signal to exit, " + many() + " " + what, ms);
  const double left = std::max(0.0, silence_ms - static_cast<double>(quiet_before / 1ms));
  EXPECT_LE(median(ms), left + allowed_ms(500));
  EXPECT_GE(median(ms), left - 500) << "the silence was cut short";
}

TEST_BY_MEDIAN(timing, silent_connections_are_closed_as_soon_as_their_silence_is_over) {
  expect_prompt_exit("silent connections, just fallen silent", "idle:" + many(), 100ms);
}
TEST_BY_MEDIAN(timing, connections_that_have_long_been_silent_are_closed_at_once) {
  expect_prompt_exit("silent connections, silent for 1.5 s", "idle:" + many(), 1500ms);
}
TEST_BY_MEDIAN(timing, clients_that_neither_read_nor_close_hold_nothing_up) {
  expect_prompt_exit("deaf connections, silent for 1.5 s", "idle:" + many() + ",deaf=1", 1500ms);
}

}  // namespace
