// A process that does not run for a while (SIGSTOP, a freezer, a suspended machine) across its drain end or deadline:
// what was due is answered, the report is there, and nobody is called hung for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "lastcall/core/by_median_test.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;
using testing::HasSubstr;

const std::vector<std::string> one_second{"--grace", "1s", "--reserve", "300ms", "--log", "info"};
constexpr auto longer_than_that = 1600ms;

raw_client asks(const testbed& server, const std::string& target) {
  raw_client c(parse_server_address(server.url()), "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  raw_client other(parse_server_address(server.url()), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  other.read_reply();  // so the first, which came before, is in its handler
  return c;
}

void pause(const child_process& it, duration time) {
  it.signal(SIGSTOP);
  std::this_thread::sleep_for(time);  // the pause itself
  it.signal(SIGCONT);
}

/// Told to end, then stopped until long after the deadline.
void end_with_a_pause(testbed& server, duration time = longer_than_that) {
  server.process.signal(SIGTERM);
  ASSERT_TRUE(server.process.wait_for_error_line("shutting down", deadline(30s)));
  pause(server.process, time);
}

TEST_BY_MEDIAN(not_running, across_the_deadline_loses_no_answer_that_was_due) {
  testbed server(one_second);
  raw_client due = asks(server, "/slow?ms=400");
  raw_client idle = asks(server, "/");
  idle.read_reply();
  end_with_a_pause(server);
  EXPECT_THAT(due.read_reply().bytes, HasSubstr("slow\n"));
  due.close();
  idle.read_to_end();
  idle.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  EXPECT_NEAR(server.report().number("not_running_ms"), 1600, 200);
  EXPECT_EQ(server.report().text("result"), "drained");
  expect_ledgers_add_up(server.report());
}

TEST_BY_MEDIAN(not_running, across_the_drain_end_alone_gives_what_was_due_a_moment) {
  testbed server({"--grace", "2s", "--reserve", "1500ms", "--log", "info"});
  raw_client due = asks(server, "/slow?ms=400");
  end_with_a_pause(server, 800ms);
  EXPECT_THAT(due.read_reply().bytes, HasSubstr("slow\n"));
  due.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  EXPECT_NEAR(server.report().number("not_running_ms"), 800, 200);
}

TEST_BY_MEDIAN(not_running, across_the_deadline_forces_what_was_not_due_and_says_so) {
  testbed server(one_second);
  raw_client never = asks(server, "/slow?ms=60000");
  end_with_a_pause(server);
  EXPECT_THAT(never.read_reply().bytes, HasSubstr(" 503 "));
  never.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 3}) << server.process.errors();
  EXPECT_NEAR(server.report().number("not_running_ms"), 1600, 200);
  EXPECT_EQ(server.report().number("requests.forced"), 1);
}

/// The other side of it: what hangs is named still.
TEST_BY_MEDIAN(not_running, across_the_deadline_excuses_no_hang) {
  const scratch_folder scratch;
  child_process it({program("hanging"), "stop_lock", scratch.file("report.json")});
  ASSERT_TRUE(it.wait_for_line("now", deadline(30s))) << it.errors();
  it.signal(SIGTERM);
  ASSERT_TRUE(it.wait_for_error_line("shutting down", deadline(30s)));
  pause(it, longer_than_that);
  ASSERT_EQ(it.wait(deadline(30s)), exit_status{.code = 4}) << it.errors();
  const document said = document::from_file(scratch.file("report.json"));
  EXPECT_EQ(said.text("hung.0"), "culprit") << it.errors();
  EXPECT_NEAR(said.number("not_running_ms"), 1600, 200);
}

TEST_BY_MEDIAN(not_running, right_after_the_signal_is_seen_too) {
  testbed server(one_second);
  raw_client due = asks(server, "/slow?ms=400");
  server.process.signal(SIGTERM);
  pause(server.process, longer_than_that);
  EXPECT_THAT(due.read_reply().bytes, HasSubstr("slow\n"));
  due.close();
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
}

/// One pause after the other, with little time between them.
TEST_BY_MEDIAN(not_running, again_and_again_leaves_a_report) {
  const scratch_folder scratch;
  child_process it({program("hanging"), "stop_lock", scratch.file("report.json")});
  ASSERT_TRUE(it.wait_for_line("now", deadline(30s))) << it.errors();
  it.signal(SIGTERM);
  for (const deadline by(30s); it.running() && !by.passed(std::chrono::steady_clock::now());) {
    pause(it, 250ms);
    std::this_thread::sleep_for(20ms);  // it runs
  }
  ASSERT_EQ(it.wait(deadline(30s)), exit_status{.code = 4}) << it.errors();
  EXPECT_EQ(document::from_file(scratch.file("report.json")).text("result"), "hung") << it.errors();
}

/// While it serves: requests that came meanwhile are read before any limit of idle or unfinished ones counts.
TEST_BY_MEDIAN(not_running, while_it_serves_ends_no_connection_that_has_sent) {
  testbed server({"--idle-time", "500ms", "--head-time", "500ms", "--body-time", "500ms"});
  raw_client idle = asks(server, "/");
  idle.read_reply();
  raw_client head(parse_server_address(server.url()), "GET / HTTP/1.1\r\nHo");
  raw_client body = asks(server, "/");
  body.read_reply();
  body.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  asks(server, "/").read_reply();  // all that was sent before has been read
  server.process.signal(SIGSTOP);
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  head.send("st: a\r\n\r\n");
  body.send("def");
  std::this_thread::sleep_for(1s);  // the pause itself
  server.process.signal(SIGCONT);
  for (raw_client* each : {&idle, &head, &body}) EXPECT_THAT(each->read_reply().bytes, HasSubstr(" 200 "));
  for (raw_client* each : {&idle, &head, &body}) each->close();
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
}

}  // namespace
