// Remotes that end half, hard or never, and more of them than there is room for: they cost nothing, leave nothing
// behind, and take nothing from those who behave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <regex>
#include <thread>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;
using testing::HasSubstr;

constexpr std::string_view hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

double to_ms(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

/// What the process may use in a window in which nothing happens, in ms; on a shared machine the gate gives three times
/// as much. One that spins uses the whole window.
const double quiet_cpu = long_run() ? 50 : 150;

/// Children inherit the soft limit that holds while this exists.
class descriptor_limit {
 public:
  explicit descriptor_limit(rlim_t soft) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{.rlim_cur = soft, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  descriptor_limit(const descriptor_limit&) = delete;
  descriptor_limit& operator=(const descriptor_limit&) = delete;

 private:
  rlimit before_{};
};

/// A testbed that may have so many descriptors only.
testbed with_descriptors(rlim_t most, const std::vector<std::string>& arguments) {
  const descriptor_limit limit(most);
  return testbed(arguments);
}

/// Lets time pass in which the server must stay alive.
void expect_alive_for(testbed& server, duration time) {
  ASSERT_EQ(server.wait(deadline(time)), std::nullopt) << server.process.errors();
}

/// Looks again, at most 20 s long, until the server has so many descriptors.
std::size_t descriptors_become(testbed& server, std::size_t wanted) {
  const auto by = std::chrono::steady_clock::now() + 20s;
  while (server.process.descriptors() != wanted && std::chrono::steady_clock::now() < by) server.wait(deadline(5ms));
  return server.process.descriptors();
}

/// A request has been served and its connection is gone: what is opened once and kept is open.
std::size_t settled_descriptors(testbed& server) {
  const auto to = parse_server_address(server.url());
  for (int i = 0; i < 8; ++i) {  // every thread has had one
    raw_client first(to, hello);
    EXPECT_EQ(first.read_reply().status_line(), "HTTP/1.1 200 OK");
    first.end_sending();
    EXPECT_EQ(first.read_to_end().how, raw_client::ended::fin);
  }
  std::size_t last = 0, now = server.process.descriptors();
  while (last != now) {  // the server closes right after its end has reached us
    server.wait(deadline(50ms));
    last = std::exchange(now, server.process.descriptors());
  }
  return now;
}

std::size_t lines_with(const std::string& log, std::string_view text) {
  std::size_t count = 0;
  for (auto at = log.find(text); at != log.npos; at = log.find(text, at + 1)) ++count;
  return count;
}

TEST(remotes, that_half_close_reset_or_say_nothing_neither_spin_nor_leak) {
  lastcall::testing::raise_descriptor_limit();
  testbed server;
  const auto to = parse_server_address(server.url());
  const std::size_t start = settled_descriptors(server);
  const duration cpu_before = server.process.cpu_time();

  std::vector<raw_client> silent, half_closed, reset;
  for (int i = 0; i < 200; ++i) {
    silent.emplace_back(to);
    half_closed.emplace_back(to);
    // A third at once, a third in the middle of a request, a third after one.
    if (i % 3 == 1) half_closed.back().send("GET / HT");
    if (i % 3 == 2) {
      half_closed.back().send(hello);
      EXPECT_EQ(half_closed.back().read_reply().status_line(), "HTTP/1.1 200 OK");
    }
    half_closed.back().end_sending();
    reset.emplace_back(to);
    if (i % 3 == 1) reset.back().send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    if (i % 3 == 2) reset.back().send(hello);
  }
  for (auto& each : reset) each.reset();
  for (auto& each : half_closed) EXPECT_EQ(each.read_to_end().how, raw_client::ended::fin);
  EXPECT_EQ(descriptors_become(server, start + 200), start + 200) << "only the silent ones are still there";

  const duration window = long_run() ? 5s : 1500ms;
  expect_alive_for(server, window);
  const double cpu = to_ms(server.process.cpu_time() - cpu_before);
  std::printf(
      "measure: 200 half-closed, 200 reset, 200 silent remotes: %.1f ms of CPU, opening them included, in %.1f s\n",
      cpu, to_ms(window) / 1000);
  if (!sanitized) {
    EXPECT_LE(cpu, quiet_cpu);
  }

  silent.clear();
  EXPECT_EQ(descriptors_become(server, start), start);
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  const auto report = server.report();
  EXPECT_EQ(report.number("connections.accepted"), 608);
  EXPECT_EQ(report.number("connections.reset_by_remote"), 200);
  EXPECT_EQ(report.number("connections.forced"), 0);
  expect_ledgers_add_up(report);
}

TEST(remotes, that_end_in_order_are_not_worth_a_log_line) {
  testbed server({"--log", "warning"});
  const auto to = parse_server_address(server.url());
  for (int i = 0; i < 100; ++i) {
    raw_client one(to, hello);
    EXPECT_EQ(one.read_reply().status_line(), "HTTP/1.1 200 OK");
    if (i % 2 == 0) one.end_sending();
  }
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0});
  EXPECT_EQ(server.process.errors(), "");
  EXPECT_EQ(server.report().number("connections.reset_by_remote"), 0);
  expect_ledgers_add_up(server.report());
}

TEST(remotes, that_end_abnormally_are_logged_with_their_address_ten_times_a_second_at_most_and_all_counted) {
  testbed server({"--log", "warning"});
  const auto to = parse_server_address(server.url());
  const int all = long_run() ? 2500 : 750;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < all; ++i) {  // 500 a second
    while (std::chrono::steady_clock::now() < began + i * 2ms) std::this_thread::yield();
    raw_client(to, "GET /").reset();
  }
  const double seconds = to_ms(std::chrono::steady_clock::now() - began) / 1000;
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();

  const std::string log = server.process.errors();
  const std::regex line(
      "(\\d+):(\\d+):(\\d+)\\.(\\d+)Z warn .*connection ended abnormally remote=127\\.0\\.0\\.1:\\d+ .*how=reset");
  std::vector<long> at_ms;
  for (std::sregex_iterator m(log.begin(), log.end(), line), end; m != end; ++m)
    at_ms.push_back(((std::stol((*m)[1]) * 60 + std::stol((*m)[2])) * 60 + std::stol((*m)[3])) * 1000 +
                    std::stol((*m)[4]));
  EXPECT_EQ(at_ms.size(), lines_with(log, "\n")) << "another line, or one of another shape:\n" << log;
  ASSERT_GE(at_ms.size(), 10U) << log;
  EXPECT_LE(static_cast<double>(at_ms.size()), 10 * (seconds + 1)) << log;
  for (std::size_t i = 10; i < at_ms.size(); ++i)
    EXPECT_GE(at_ms[i] - at_ms[i - 10] + (at_ms[i] < at_ms[i - 10] ? 86'400'000 : 0), 995)
        << "eleven lines within a second";
  const auto report = server.report();
  EXPECT_EQ(report.number("connections.reset_by_remote"), all);
  EXPECT_LE(report.number("requests.begun"), all);  // a reset may destroy what came before it
  EXPECT_EQ(report.number("requests.abandoned_by_client"), report.number("requests.begun"));
  expect_ledgers_add_up(report);
  std::printf("measure: %d resets in %.1f s: %zu log lines, all counted\n", all, seconds, at_ms.size());
}

TEST(remotes, that_half_close_behind_their_request_are_answered_and_then_closed) {
  const auto m = measure({.loads = {"half-closed:16", "half-closed:16,path=/slow?ms=50"}});
  ASSERT_EQ(m.exit, exit_status{.code = 0}) << m.table;
  EXPECT_EQ(m.total("lost"), 0) << m.table;
  EXPECT_EQ(m.total("late"), 0) << m.table;
  EXPECT_EQ(m.total("unexpected"), 0) << m.table;
  EXPECT_GT(m.total("answered"), 100) << m.table;
  EXPECT_EQ(m.report.number("requests.answered"), m.total("answered"));
  expect_ledgers_add_up(m.report);
}

TEST(remotes, that_are_more_than_there_are_descriptors_wait_and_are_served_when_others_leave) {
  testbed server = with_descriptors(120, {"--max-connections", "1000", "--threads", "1"});
  const auto to = parse_server_address(server.url());
  std::vector<raw_client> clients;
  for (int i = 0; i < 160; ++i) clients.emplace_back(to, hello);
  // Those who came first are in; the others stand in the kernel's queue with their request.
  std::size_t served = 0;
  while (served < clients.size() && !clients[served].read_reply(deadline(500ms)).bytes.empty()) ++served;
  EXPECT_GT(served, 80U);
  EXPECT_LT(served, 120U);
  const duration cpu_before = server.process.cpu_time();
  expect_alive_for(server, long_run() ? 5s : 1s);
  const double cpu = to_ms(server.process.cpu_time() - cpu_before);
  if (!sanitized) {
    EXPECT_LE(cpu, quiet_cpu) << "it spins while it has no descriptor";
  }
  for (std::size_t i = 0; i < served; ++i) {  // those who are in do not notice
    clients[i].send(hello);
    EXPECT_EQ(clients[i].read_reply().status_line(), "HTTP/1.1 200 OK");
  }
  EXPECT_THAT(server.process.errors(), HasSubstr("accepting pauses"));
  EXPECT_LE(lines_with(server.process.errors(), "accepting pauses"), 100U);
  for (std::size_t i = 0; i < served; ++i) clients[i].close();
  for (std::size_t i = served; i < clients.size(); ++i)
    EXPECT_EQ(clients[i].read_reply().status_line(), "HTTP/1.1 200 OK") << i;
  std::printf("measure: 160 remotes, 120 descriptors: %zu served at once, %.1f ms of CPU while the others wait\n",
              served, cpu);

  // As if nothing had been: a shutdown under load.
  std::vector<raw_client> slow;
  for (int i = 0; i < 20; ++i) slow.emplace_back(to, "GET /slow?ms=600 HTTP/1.1\r\nHost: a\r\n\r\n");
  clients.clear();
  raw_client last(to, hello);
  EXPECT_EQ(last.read_reply().status_line(), "HTTP/1.1 200 OK");
  server.process.signal(SIGTERM);
  for (auto& each : slow) {
    EXPECT_EQ(each.read_reply().status_line(), "HTTP/1.1 200 OK");
    each.close();
  }
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  expect_ledgers_add_up(server.report());
}

TEST(remotes, that_wait_for_a_descriptor_at_the_signal_are_answered_too) {
  testbed server = with_descriptors(120, {"--max-connections", "1000", "--threads", "1"});
  const auto to = parse_server_address(server.url());
  std::vector<raw_client> clients;
  for (int i = 0; i < 160; ++i) clients.emplace_back(to, hello);
  std::size_t served = 0;
  while (served < clients.size() && !clients[served].read_reply(deadline(500ms)).bytes.empty()) ++served;
  ASSERT_LT(served, clients.size());
  server.process.signal(SIGTERM);
  for (std::size_t i = 0; i < served; ++i) clients[i].close();
  for (std::size_t i = served; i < clients.size(); ++i) {
    EXPECT_EQ(clients[i].read_reply().status_line(), "HTTP/1.1 200 OK") << i;
    clients[i].close();
  }
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  EXPECT_EQ(server.report().number("requests.answered"), 160);
  expect_ledgers_add_up(server.report());
}

TEST(remotes, beyond_max_connections_are_told_503_and_when_to_come_again) {
  testbed server({"--max-connections", "8"});
  const auto to = parse_server_address(server.url());
  std::vector<raw_client> in;
  for (int i = 0; i < 8; ++i) {
    in.emplace_back(to, hello);
    EXPECT_EQ(in.back().read_reply().status_line(), "HTTP/1.1 200 OK");
  }
  for (int i = 0; i < 20; ++i) {
    raw_client out(to, hello);
    const auto heard = out.read_to_end();
    EXPECT_EQ(heard.status_line(), "HTTP/1.1 503 Service Unavailable");
    EXPECT_THAT(heard.bytes, HasSubstr("\r\nRetry-After: "));
    EXPECT_THAT(heard.bytes, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_EQ(heard.how, raw_client::ended::fin);
  }
  for (auto& each : in) {  // those who are in do not notice
    each.send(hello);
    EXPECT_EQ(each.read_reply().status_line(), "HTTP/1.1 200 OK");
  }
  in.clear();
  // There is room as soon as the server has seen them go.
  const auto by = std::chrono::steady_clock::now() + 20s;
  std::string line;
  while (line != "HTTP/1.1 200 OK" && std::chrono::steady_clock::now() < by)
    line = raw_client(to, hello).read_reply().status_line();
  EXPECT_EQ(line, "HTTP/1.1 200 OK");
  server.process.signal(SIGTERM);
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
  EXPECT_EQ(server.report().number("requests.answered"), 17);
  EXPECT_GE(server.report().number("requests.rejected"), 20);
  expect_ledgers_add_up(server.report());
}

}  // namespace
