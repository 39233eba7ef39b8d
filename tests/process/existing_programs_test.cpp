// Programs that kept their own server and got its end from Lastcall: under load they lose nothing that their pages say
// they don't, and what does not end is cut in time. Each prints where it listens.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using process_tests::program;  // rather than testing::program
using namespace lastcall::testing;

class existing_program {
 public:
  explicit existing_program(const std::string& name, std::vector<std::string> environment = {})
      : process({program(name), "0"}, {.environment = std::move(environment)}) {
    const auto line = process.wait_for_line("listening on ", deadline(30s));
    if (!line) throw std::runtime_error(name + " did not start: " + process.errors());
    url = line->substr(std::string("listening on ").size());
  }
  server_address address() const { return parse_server_address(url); }

  child_process process;
  std::string url;
};

bool built(const std::string& name) { return std::filesystem::exists(program(name)); }

/// Loads it, sends SIGTERM in the middle of the load, and counts.
probe_report told_to_stop(existing_program& it, const std::vector<std::string>& loads) {
  probe_options options{.after = 400ms, .timeout = 30s};
  for (const auto& load : loads) options.loads.push_back(parse_load(load));
  probe_report report{.server = it.url, .signal = SIGTERM};
  report.result = run_probe(it.address(), options,
                            {.tell = [&] { it.process.signal(SIGTERM); },
                             .kill = [&] { it.process.signal(SIGKILL); },
                             .gone = it.process.exit_descriptor()});
  report.server_exit = it.process.wait(deadline(5s));
  return report;
}

void loses_nothing(const std::string& name, const std::vector<std::string>& loads) {
  for (int again = 0; again < runs(10, 3); ++again) {
    existing_program it(name);
    const probe_report report = told_to_stop(it, loads);
    const std::string said = to_table(report) + verdict_line(report) + "\n" + it.process.errors();
    EXPECT_EQ(exit_code(report), 0) << said;
    EXPECT_EQ(report.server_exit, exit_status{.code = 0}) << said;
    const std::uint64_t enough = sanitized ? 50 : 300;
    EXPECT_GT(report.result.total().count(verdict::answered), enough) << "no load to speak of\n" << said;
    ASSERT_TRUE(report.result.exit) << said;
    EXPECT_LT(*report.result.exit, 15s) << "in time, long before its grace period of 20 s\n" << said;
  }
}

/// A client that never finishes its request holds the end up until the drain end, and no longer.
void cuts_what_does_not_end(const std::string& name) {
  existing_program it(name, {"LASTCALL_GRACE=4s", "LASTCALL_RESERVE=3500ms"});
  raw_client stuck(it.address(), "GET / HTTP/1.1\r\nHost: a\r\n");
  raw_client busy(it.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(busy.read_reply().status_line(), "HTTP/1.1 200 OK");
  it.process.signal(SIGTERM);
  EXPECT_EQ(it.process.wait(deadline(20s)), exit_status{.code = 3}) << it.process.errors();
  EXPECT_NE(stuck.read_to_end().how, raw_client::ended::open);
}

const std::vector<std::string> every_load = {"busy:16", "fresh:8", "race:50", "half-closed:2",
                                             "inflight:8,path=/slow,lead=100ms"};

TEST(existing_programs, asio_and_beast_lose_nothing) { loses_nothing("asio_beast", every_load); }

TEST(existing_programs, asio_and_beast_are_cut_at_the_drain_end) { cuts_what_does_not_end("asio_beast"); }

TEST(existing_programs, thread_per_connection_loses_nothing) { loses_nothing("thread_per_connection", every_load); }

TEST(existing_programs, thread_per_connection_is_cut_at_the_drain_end) {
  cuts_what_does_not_end("thread_per_connection");
}

// Fewer connections than it has threads, since each holds one; and nobody who ends its side early: it takes that for a
// departure at any time.
TEST(existing_programs, cpp_httplib_loses_nothing) {
  if (!built("cpp_httplib")) GTEST_SKIP() << "skipped: cpp-httplib is not installed (scripts/bootstrap)";
  loses_nothing("cpp_httplib", {"busy:8", "fresh:4", "race:12", "inflight:4,path=/slow,lead=100ms"});
}

TEST(existing_programs, cpp_httplib_is_cut_at_the_drain_end) {
  if (!built("cpp_httplib")) GTEST_SKIP() << "skipped: cpp-httplib is not installed (scripts/bootstrap)";
  cuts_what_does_not_end("cpp_httplib");
}

/// 64 clients have connected and asked when it is told; it has accepted none. Returns how many get no answer.
int lost_in_the_queue(const std::string& way) {
  child_process it({program("foreign"), way});
  const auto line = it.wait_for_line("listening on ", deadline(30s));
  if (!line || !it.wait_for_error_line("app: ready", deadline(30s)))  // earlier a signal ends the start
    throw std::runtime_error("foreign did not start: " + it.errors());
  const server_address to = parse_server_address(line->substr(std::string("listening on ").size()));
  std::vector<raw_client> clients;
  for (int i = 0; i < 64; ++i) clients.emplace_back(to, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  it.signal(SIGTERM);
  int lost = 0;
  for (raw_client& each : clients) {
    lost += each.read_to_end().status_line() == "HTTP/1.1 200 OK" ? 0 : 1;
    each.close();
  }
  EXPECT_EQ(it.wait(deadline(60s)), exit_status{.code = 0}) << it.errors();
  return lost;
}

TEST(existing_programs, lose_nobody_of_their_queue_with_drain_of_listener_and_all_without) {
  EXPECT_EQ(lost_in_the_queue("settled"), 0);
  EXPECT_EQ(lost_in_the_queue("closed"), 64);
}

TEST(existing_programs, with_signals_of_their_own_lose_nothing) {
  loses_nothing("own_signals", {"busy:16", "fresh:8", "race:50", "half-closed:2"});
}

TEST(existing_programs, with_signals_of_their_own_keep_their_meaning) {
  existing_program it("own_signals");
  const auto says = [&](const std::string& what) {
    return raw_client(it.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_reply().bytes.ends_with(what);
  };
  EXPECT_TRUE(says("reloaded 0\n"));
  it.process.signal(SIGHUP);
  const auto by = std::chrono::steady_clock::now() + 20s;
  while (!says("reloaded 1\n") && std::chrono::steady_clock::now() < by) std::this_thread::yield();
  EXPECT_TRUE(says("reloaded 1\n"));
  it.process.signal(SIGINT);
  EXPECT_EQ(it.process.wait(deadline(20s)), exit_status{.code = 0}) << it.process.errors();
  EXPECT_NE(it.process.errors().find("told by signal 2"), std::string::npos) << it.process.errors();
}

TEST(existing_programs, that_embed_the_lifecycle_lose_nothing_as_processes) {
  loses_nothing("embedded", {"busy:16", "fresh:8", "race:50", "half-closed:2"});
}

TEST(existing_programs, that_embed_the_lifecycle_start_and_end_it_many_times_in_their_own_tests) {
  child_process tests({program("embedded_test")});
  EXPECT_EQ(tests.wait(deadline(60s)), exit_status{.code = 0}) << tests.output() << tests.errors();
  EXPECT_EQ(tests.output().find("FAILED"), std::string::npos) << tests.output();
}

}  // namespace
