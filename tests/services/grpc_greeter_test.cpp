// The greeter is told to stop in the middle of its calls: none that has begun is lost, and none fails in a way that its
// client could not try again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "tests/process/document.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace service_tests {

using lastcall::deadline;
using lastcall::testing::child_process;
using lastcall::testing::exit_status;
using process_tests::sanitized;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr int unavailable = 14;  // grpc::StatusCode::UNAVAILABLE

class running_greeter {
 public:
  explicit running_greeter(const std::vector<std::string>& more = {}) : process(command(more)) {
    const auto line = process.wait_for_line("listening on grpc://", deadline(60s));
    if (!line) throw std::runtime_error("the greeter did not start: " + process.errors());
    address_ = line->substr(line->find("://") + 3);
  }

  const std::string& address() const { return address_; }
  process_tests::document report() const { return process_tests::document::from_file(scratch_.file("report.json")); }
  /// Names of the calls of Hello whose handler has begun.
  std::set<std::string> begun() const {
    std::set<std::string> names;
    std::ifstream in(scratch_.file("begun"));
    for (std::string name; std::getline(in, name);) names.insert(name);
    return names;
  }

 private:
  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> all{process_tests::program("grpc_greeter"),
                                 "--port",
                                 "0",
                                 "--report",
                                 scratch_.file("report.json"),
                                 "--begun",
                                 scratch_.file("begun")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  process_tests::scratch_folder scratch_;
  std::string address_;

 public:
  child_process process;
};

/// What grpc_load says.
struct client_words {
  struct failure {
    std::string name;
    int code = 0;
    std::string message;
  };
  std::uint64_t answered = 0;
  std::uint64_t connected = 0;  // by all in its network namespace
  std::vector<failure> failures;

  explicit client_words(const std::string& output) {
    std::istringstream in(output);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string kind;
      words >> kind;
      if (kind == "answered") words >> answered;
      if (kind == "connected") words >> connected;
      if (kind == "failed") {
        failure one;
        words >> one.name >> one.code;
        std::getline(words, one.message);
        failures.push_back(one);
      }
    }
  }
};

void stop_under_load(const std::string& kind, int run) {
  SCOPED_TRACE(kind + ", run " + std::to_string(run));
  running_greeter server;
  child_process clients({process_tests::program("grpc_load"), "--to", server.address(), "--kind", kind});
  ASSERT_TRUE(clients.wait_for_line("loaded", deadline(90s))) << clients.errors();
  std::this_thread::sleep_for(7ms * (run * 5 % 11));  // the moment is what is tested
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.process.wait(deadline(60s)), (exit_status{.code = 0})) << server.process.errors();
  ASSERT_EQ(clients.wait(deadline(90s)), (exit_status{.code = 0})) << clients.errors();
  const client_words said(clients.output());
  const auto begun = server.begun();
  EXPECT_GE(said.answered, 100U);
  for (const auto& each : said.failures) {
    EXPECT_EQ(each.code, unavailable) << each.name << ":" << each.message;
    EXPECT_THAT(each.message, HasSubstr("onnection refused")) << each.name;
    EXPECT_FALSE(begun.contains(each.name)) << each.name << ":" << each.message;
  }
  const auto report = server.report();
  process_tests::expect_ledgers_add_up(report);
  EXPECT_EQ(report.number("requests.begun"), static_cast<double>(said.answered));
  EXPECT_EQ(report.number("requests.answered"), static_cast<double>(said.answered));
}

TEST(grpc_greeter, loses_no_call_that_has_begun_and_fails_others_as_unavailable) {
  for (int run = 0; run < process_tests::runs(20, 3); ++run) stop_under_load("unary", run);
}

TEST(grpc_greeter, finishes_streams) {
  for (int run = 0; run < process_tests::runs(20, 3); ++run) stop_under_load("streams", run);
}

// Packets are what it is about: docs/design/lossless-close.md. What has connected is answered, what was sent before the
// GOAWAY came, too.
void stop_over_the_wire(const std::string& kind, int run) {
  SCOPED_TRACE(kind + ", run " + std::to_string(run));
  const process_tests::scratch_folder scratch;
  child_process lab(
      {process_tests::program("net_lab"), "--delay", "20ms", "--timeout", "120s", "--server",
       process_tests::program("grpc_greeter") + " --address 10.77.0.1 --port 0 --report " + scratch.file("report.json"),
       "--client",
       process_tests::program("grpc_load") + " --to 10.77.0.1:$LAB_PORT --threads 32 --kind " + kind + " --ready " +
           std::to_string(100 + 7 * run) + " --signal $LAB_SERVER_PID"});
  const auto ended = lab.wait(deadline(150s));
  if (ended && ended->code == 77) GTEST_SKIP() << lab.errors();
  ASSERT_EQ(ended, (exit_status{.code = 0})) << lab.output() << lab.errors();
  const client_words said(lab.output());
  EXPECT_GE(said.answered, 100U);
  if (kind == "fresh") {
    EXPECT_EQ(said.connected, said.answered);
  } else {
    EXPECT_LE(said.connected, 32U) << "none was told to try again";
  }
  for (const auto& each : said.failures) EXPECT_THAT(each.message, HasSubstr("onnection refused")) << each.name;
  const auto report = process_tests::document::from_file(scratch.file("report.json"));
  EXPECT_EQ(report.number("exit_code"), 0);
  EXPECT_EQ(report.number("requests.begun"), static_cast<double>(said.answered));
}

TEST(grpc_greeter, answers_clients_whose_handshake_is_in_flight_over_a_wire_of_40_ms) {
  for (int run = 0; run < process_tests::runs(20, 2); ++run) stop_over_the_wire("fresh", run);
}

TEST(grpc_greeter, answers_calls_that_are_in_flight_over_a_wire_of_40_ms) {
  for (int run = 0; run < process_tests::runs(20, 2); ++run) stop_over_the_wire("unary", run);
}

// A client that speaks HTTP/2 and answers no PING: gRPC waits 20 s for it.
const std::string preface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 24 + 9);

void ends_in_time_with_a_client_that_answers_no_ping() {
  running_greeter server({"--grace", "40s"});
  process_tests::raw_client silent(lastcall::testing::parse_server_address("http://" + server.address()), preface);
  ASSERT_NE(silent.read_some(), "") << "the server's SETTINGS";
  const auto began = std::chrono::steady_clock::now();
  server.process.signal(SIGTERM);
  EXPECT_EQ(server.process.wait(deadline(60s)), (exit_status{.code = 0})) << server.process.errors();
  EXPECT_LT(std::chrono::steady_clock::now() - began, sanitized ? 10s : 3s);
}

TEST(grpc_greeter, is_not_held_up_by_a_client_that_answers_no_ping) {
  lastcall::by_median([] { ends_in_time_with_a_client_that_answers_no_ping(); });
}

}  // namespace service_tests
