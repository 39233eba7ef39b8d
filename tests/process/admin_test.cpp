// The admin listener of a whole program: who asks for its health is answered until nobody else is served any more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <system_error>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;
using testing::HasSubstr;
using testing::StartsWith;

/// The testbed with an admin listener.
struct watched {
  explicit watched(std::vector<std::string> arguments = {}) : server(with_port(std::move(arguments))) {
    const auto line = server.process.wait_for_line(" (admin)", deadline(30s));
    if (!line) throw std::runtime_error("no admin listener: " + server.process.output());
    const std::size_t from = line->find("http://");
    admin = line->substr(from, line->find(' ', from) - from);
    while (!get(admin, "/readyz").starts_with("HTTP/1.1 200")) {}  // the lines come from the last component's start
  }
  static std::vector<std::string> with_port(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--admin-port", "0"});
    return arguments;
  }
  /// The whole answer, on a connection of its own; empty when it was refused, or ended without one.
  static std::string get(const std::string& url, const std::string& target) {
    try {
      raw_client c(parse_server_address(url), "GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      return c.read_reply().bytes;
    } catch (const std::system_error&) {
      return {};
    }
  }

  testbed server;
  std::string admin;
};

TEST(admin, answers_to_the_end_of_a_drain_that_a_request_holds_open) {
  watched w;
  while (!watched::get(w.admin, "/readyz").starts_with("HTTP/1.1 200")) {}  // what prints its address starts last
  raw_client slow(parse_server_address(w.server.url()), "GET /slow?ms=5000 HTTP/1.1\r\nHost: a\r\n\r\n");
  while (watched::get(w.admin, "/status").find("\"requests\":1}") == std::string::npos) {}
  w.server.process.signal(SIGTERM);
  while (watched::get(w.admin, "/readyz").find("draining; not ready for ") == std::string::npos) {}

  // The public listener is closed to newcomers, the admin's is not.
  while (!watched::get(w.server.url(), "/").empty()) {}  // readiness goes first
  const std::string numbers = watched::get(w.admin, "/metrics");
  EXPECT_THAT(numbers, HasSubstr("\nlastcall_phase{phase=\"draining\"} 1\n"));
  EXPECT_THAT(numbers, HasSubstr("\nlastcall_requests_in_progress{component=\"http\"} 1\n"));
  EXPECT_THAT(numbers, HasSubstr("\nlastcall_component_state{component=\"admin\",state=\"running\"} 1\n"));

  int probes = 0;
  for (std::string probe; !(probe = watched::get(w.admin, "/readyz")).empty(); ++probes)
    ASSERT_THAT(probe, StartsWith("HTTP/1.1 503"));
  EXPECT_GT(probes, 0);
  // By the first probe without an answer the last request has its own. How soon each socket hears of it is the kernel's
  // business; that the admin ended last says the report.
  EXPECT_THAT(slow.read_reply(deadline(5s)).bytes, testing::EndsWith("slow\n")) << probes << " probes";
  slow.close();

  ASSERT_EQ(w.server.wait(), exit_status{.code = 0}) << w.server.process.errors();
  const document report = w.server.report();
  EXPECT_EQ(report.number("connections.forced"), 0);
  EXPECT_EQ(report.text("components.0.name"), "admin") << "first to start";
  for (int i = 1; i < 5; ++i) {
    EXPECT_LE(report.number("components." + std::to_string(i) + ".stopped_ms"),
              report.number("components.0.drain_began_ms"));
  }
}

TEST(admin, holds_up_neither_exit_nor_outcome_for_a_probe_that_is_never_finished) {
  watched w;
  raw_client probe(parse_server_address(w.admin), "GET /readyz HTTP/1.1\r\nHost: a\r\n");  // never finished
  while (!watched::get(w.admin, "/readyz").starts_with("HTTP/1.1 200")) {}
  w.server.process.signal(SIGTERM);
  ASSERT_EQ(w.server.wait(), exit_status{.code = 0}) << w.server.process.errors();
  EXPECT_LT(w.server.report().number("total_ms"), 8000) << "less than a head may take";
}

TEST(admin, stays_up_while_what_hangs_is_forced) {
  watched w({"--grace", "3s", "--reserve", "1500ms", "--threads", "1"});
  raw_client blocked(parse_server_address(w.server.url()), "GET /block?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
  while (watched::get(w.admin, "/status").find("\"requests\":1}") == std::string::npos) {}
  w.server.process.signal(SIGTERM);
  while (watched::get(w.admin, "/status").find("{\"name\":\"http\",\"state\":\"forced\"") == std::string::npos)
    ASSERT_FALSE(w.server.wait(deadline(0s))) << "gone before anybody was told";
  ASSERT_EQ(w.server.wait(), exit_status{.code = 4}) << w.server.process.errors();
}

TEST(admin, lets_a_pre_stop_hook_wait_the_readiness_delay_while_everything_is_served) {
  watched w({"--readiness-delay", "1s"});
  while (!watched::get(w.admin, "/readyz").starts_with("HTTP/1.1 200")) {}
  raw_client hook(parse_server_address(w.admin), "GET /prestop HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  while (watched::get(w.admin, "/readyz").find("announced; not ready for ") == std::string::npos) {}
  EXPECT_THAT(watched::get(w.server.url(), "/readyz"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(watched::get(w.server.url(), "/"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(hook.read_reply().bytes, testing::EndsWith("announced\n"));
  EXPECT_THAT(watched::get(w.server.url(), "/"), StartsWith("HTTP/1.1 200")) << "the signal comes after the hook";
  w.server.process.signal(SIGTERM);
  ASSERT_EQ(w.server.wait(), exit_status{.code = 0}) << w.server.process.errors();
  EXPECT_GE(w.server.report().number("readiness_ms"), 1000) << "counted from the announcement";
}

}  // namespace
