// Raw TCP sessions across a shutdown: what was sent before the goodbye is answered, and each hears the goodbye.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/many_clients.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::parse_server_address;

constexpr std::size_t lines_at_once = 5;

/// Sends lines, five at once, and the next five as soon as it has these back.
struct echo_client {
  std::uint64_t sent = 0, echoed = 0, before_bye = 0;
  bool wrong = false, bye = false;
  std::string line = {};

  std::string next(std::size_t who) {
    std::string lines;
    for (std::size_t i = 0; i < lines_at_once; ++i)
      lines += "line " + std::to_string(sent++) + " of " + std::to_string(who) + "\n";
    return lines;
  }
  void hear(std::size_t who, std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n') {
        line += c;
        continue;
      }
      if (line == "bye" && !bye) {
        bye = true;
        before_bye = echoed;
      } else {
        wrong = wrong || line != "line " + std::to_string(echoed++) + " of " + std::to_string(who);
      }
      line.clear();
    }
  }
};

std::string tcp_url(testbed& server) {
  const auto line = server.process.wait_for_line("listening on tcp://", deadline(30s));
  if (!line) throw std::runtime_error("no TCP listener");
  return "http://" + line->substr(line->find("tcp://") + 6);
}

void across_a_shutdown(const std::vector<std::string>& more, std::size_t count) {
  lastcall::testing::raise_descriptor_limit();
  std::vector<std::string> arguments{"--tcp-port", "0", "--jitter", "500ms", "--silence", "2500ms"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  testbed server(arguments);
  many_clients clients(parse_server_address(tcp_url(server)), count);
  std::vector<echo_client> heard(count);
  for (std::size_t i = 0; i < count; ++i) clients.send(i, heard[i].next(i));
  const auto hear = [&](std::size_t who, std::string_view bytes) {
    echo_client& c = heard[who];
    c.hear(who, bytes);
    if (c.bye) {
      clients.finish(who);
    } else if (c.echoed == c.sent) {
      clients.send(who, c.next(who));
    }
  };
  const auto enough = [&] {
    for (const echo_client& each : heard)
      if (each.echoed < 3 * lines_at_once) return false;
    return true;
  };
  ASSERT_TRUE(clients.run(
      deadline(60s), hear, [](std::size_t) {}, enough));
  server.process.signal(SIGTERM);
  ASSERT_TRUE(clients.run(
      deadline(60s), hear, [](std::size_t) {}, [] { return false; }));
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();

  std::size_t said_bye = 0, wrong = 0, unanswered = 0, crossed = 0;
  for (const echo_client& each : heard) {
    said_bye += each.bye ? 1 : 0;
    wrong += each.wrong || !each.line.empty() ? 1 : 0;
    unanswered += each.sent - each.echoed;  // it sent nothing after it had heard the goodbye
    crossed += each.echoed != each.before_bye ? 1 : 0;
  }
  EXPECT_EQ(said_bye, count);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(unanswered, 0U);
  EXPECT_EQ(clients.count(many_clients::ended::fin), count);
  EXPECT_EQ(clients.count(many_clients::ended::rst), 0U);
  const document report = server.report();
  expect_ledgers_add_up(report);
  EXPECT_EQ(report.number("connections.forced"), 0);
  EXPECT_EQ(report.number("connections.accepted"), static_cast<double>(count));
  std::printf(
      "measure: %zu busy sessions told to stop: %zu goodbyes, %zu crossed by further lines, %zu "
      "lines unanswered\n",
      count, said_bye, crossed, unanswered);
}

TEST(tcp, answers_every_line_before_its_goodbye_and_resets_nobody) {
  across_a_shutdown({}, long_run() ? 5'000 : sanitized ? 200 : 1'000);
}

TEST(tcp, does_so_with_a_thread_for_each_session_too) { across_a_shutdown({"--tcp-blocking"}, 100); }

TEST(tcp, answers_what_waits_in_the_kernel_before_it_says_goodbye) {
  testbed server({"--tcp-port", "0", "--jitter", "0s", "--silence", "100ms"});
  const auto to = parse_server_address(tcp_url(server));
  std::vector<raw_client> all;
  for (int i = 0; i < 50; ++i) {
    all.emplace_back(to, "first\n");
    EXPECT_EQ(all.back().read_some(), "first\n");
  }
  server.process.signal(SIGSTOP);  // what is sent now is there before it can hear of the shutdown
  for (raw_client& each : all) each.send("second\nthird\n");
  server.process.signal(SIGTERM);
  server.process.signal(SIGCONT);
  for (raw_client& each : all) {
    const auto heard = each.read_to_end();
    EXPECT_EQ(heard.bytes, "second\nthird\nbye\n");
    EXPECT_EQ(heard.how, raw_client::ended::fin);
    each.close();
  }
  ASSERT_EQ(server.wait(), exit_status{.code = 0}) << server.process.errors();
}

}  // namespace
