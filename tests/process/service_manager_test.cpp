// What systemd hears of a service that says nothing to it itself, over the socket that systemd would give it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "lastcall/core/manager/notify_reader_test.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::service_manager_test::notify_reader;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

struct service_manager : testing::Test {
  scratch_folder folder;
  notify_reader systemd{folder.file("notify")};

  std::vector<std::string> variables(const std::string& more = "X=") const {
    return {"NOTIFY_SOCKET=" + systemd.address(), more};
  }
};

TEST_F(service_manager, hears_that_it_is_ready_reloads_serves_and_stops) {
  testbed t({"--sighup", "reload"}, {.environment = variables()});
  EXPECT_EQ(systemd.wait_for("READY=1"), "READY=1");
  EXPECT_THAT(systemd.wait_for("STATUS=serving"), HasSubstr("connections 0"));
  kill(t.process.pid(), SIGHUP);
  EXPECT_THAT(systemd.wait_for("RELOADING=1"), HasSubstr("\nMONOTONIC_USEC="));
  EXPECT_EQ(systemd.wait_for("READY=1"), "READY=1");
  raw_client one(lastcall::testing::parse_server_address(t.url()), "GET /slow?ms=2500 HTTP/1.1\r\nHost: x\r\n\r\n");
  raw_client two(lastcall::testing::parse_server_address(t.url()), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(two.read_reply().bytes, HasSubstr("hello"));  // the one before it has come, too
  kill(t.process.pid(), SIGTERM);
  EXPECT_THAT(systemd.wait_for("STOPPING=1"), HasSubstr("\nSTATUS=shutting down: SIGTERM"));
  EXPECT_THAT(systemd.wait_for("STATUS=shutting down: waits for"), HasSubstr("/slow"));
  EXPECT_EQ(t.wait(), exit_status{.code = 0});
  EXPECT_THAT(systemd.messages(), Not(Contains(HasSubstr("EXTEND_TIMEOUT_USEC")))) << "in a drain it is asked for";
}

TEST_F(service_manager, hears_the_error_of_a_start_that_failed) {
  const testbed first;
  const std::string port = first.url().substr(first.url().rfind(':') + 1);
  child_process second({program("testbed"), "--port", port, "--log", "none"}, {.environment = variables()});
  EXPECT_EQ(second.wait(deadline(30s)), exit_status{.code = 1});
  const auto heard = systemd.messages();
  ASSERT_FALSE(heard.empty());
  EXPECT_THAT(heard[0], AllOf(StartsWith("STATUS=component \"http\" failed to start: "), HasSubstr(port),
                              HasSubstr("\nERRNO=" + std::to_string(EADDRINUSE))));
  EXPECT_THAT(heard, Not(Contains("READY=1")));
  EXPECT_THAT(heard.back(), StartsWith("STOPPING=1\nSTATUS=component \"http\" failed to start: "));
}

TEST_F(service_manager, is_asked_for_more_time_while_a_start_goes_on) {
  testbed t({"--start-delay", "1500ms"}, {.environment = variables()});
  EXPECT_EQ(systemd.wait_for("EXTEND_TIMEOUT_USEC="), "EXTEND_TIMEOUT_USEC=5000000");
  EXPECT_EQ(systemd.wait_for("READY=1"), "READY=1");
}

/// Answers that come one after the other for longer than the unit gives: 14 s under a limit of 10. A busy machine may
/// hold all of them up for 4 s.
TEST_F(service_manager, is_asked_for_more_time_while_a_drain_gets_on) {
  testbed t({"--extend-stop", "--grace", "60s", "--reserve", "500ms"},
            {.environment = variables("LASTCALL_KILL_AFTER=10s")});
  const auto to = lastcall::testing::parse_server_address(t.url());
  std::vector<raw_client> clients;
  for (int i = 1; i <= 14; ++i)
    clients.emplace_back(to, "GET /slow?ms=" + std::to_string(i * 1000) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  raw_client last(to, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(last.read_reply().bytes, HasSubstr("hello"));
  kill(t.process.pid(), SIGTERM);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(systemd.wait_for("EXTEND_TIMEOUT_USEC="), Not(IsEmpty()));
  EXPECT_EQ(t.wait(), exit_status{.code = 0}) << t.process.errors();
  for (raw_client& each : clients) EXPECT_EQ(each.read_reply().status_line(), "HTTP/1.1 200 OK");
}

TEST_F(service_manager, is_not_waited_for_when_a_drain_gets_nothing_done) {
  testbed t({"--extend-stop", "--grace", "60s", "--reserve", "500ms"},
            {.environment = variables("LASTCALL_KILL_AFTER=4s")});
  raw_client one(lastcall::testing::parse_server_address(t.url()), "GET /slow?ms=40000 HTTP/1.1\r\nHost: x\r\n\r\n");
  raw_client last(lastcall::testing::parse_server_address(t.url()), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(last.read_reply().bytes, HasSubstr("hello"));
  const auto from = std::chrono::steady_clock::now();
  kill(t.process.pid(), SIGTERM);
  EXPECT_EQ(t.wait(), exit_status{.code = 3}) << t.process.errors();
  EXPECT_LT(std::chrono::steady_clock::now() - from, long_run() ? 4s : 12s) << "systemd would have killed it after 4 s";
  EXPECT_THAT(t.report().text("errors"), HasSubstr("nothing was finished"));
  EXPECT_THAT(systemd.messages(), Not(Contains(StartsWith("EXTEND_TIMEOUT_USEC="))));
}

TEST_F(service_manager, gets_no_sign_of_life_while_a_loop_is_blocked) {
  testbed t({"--threads", "1"}, {.environment = variables("WATCHDOG_USEC=200000")});
  EXPECT_EQ(systemd.wait_for("WATCHDOG=1"), "WATCHDOG=1");
  EXPECT_EQ(systemd.wait_for("WATCHDOG=1"), "WATCHDOG=1");
  raw_client one(lastcall::testing::parse_server_address(t.url()),
                 "GET /block-loop?ms=6000 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(systemd.wait_for("STATUS=the watchdog is not answered"), HasSubstr("runtime: loop 0 is blocked"));
  EXPECT_THAT(one.read_reply().bytes, HasSubstr("blocked"));
  EXPECT_EQ(systemd.wait_for("WATCHDOG=1"), "WATCHDOG=1");
  kill(t.process.pid(), SIGTERM);
  EXPECT_EQ(t.wait(), exit_status{.code = 0});
}

TEST_F(service_manager, is_left_alone_by_a_process_that_only_inherited_its_wish_for_signs_of_life) {
  auto inherited = variables("WATCHDOG_USEC=100000");
  inherited.push_back("WATCHDOG_PID=" + std::to_string(getpid()));
  testbed t({}, {.environment = inherited});
  EXPECT_THAT(systemd.wait_for("STATUS=serving"), Not(IsEmpty()));
  kill(t.process.pid(), SIGTERM);
  EXPECT_EQ(t.wait(), exit_status{.code = 0});
  EXPECT_THAT(systemd.messages(), Not(Contains("WATCHDOG=1")));
}

TEST_F(service_manager, that_is_gone_or_never_was_costs_one_line) {
  for (const std::string& wrong : std::vector<std::string>{folder.file("nobody"), "vsock:2:1234", "relative"}) {
    testbed t({"--log", "warning"}, {.environment = {"NOTIFY_SOCKET=" + wrong, "WATCHDOG_USEC=100000"}});
    raw_client one(lastcall::testing::parse_server_address(t.url()),
                   "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(one.read_reply().bytes, HasSubstr("hello"));
    kill(t.process.pid(), SIGTERM);
    EXPECT_EQ(t.wait(), exit_status{.code = 0});
    const std::string said = t.process.errors();
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << wrong << ": " << said;
    EXPECT_THAT(said, HasSubstr("the service manager"));
  }
}

}  // namespace
