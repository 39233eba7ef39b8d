#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "lastcall/core/app/app_double_test.hpp"

namespace lastcall::app_report_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_core::asks_when_ready;
using testing_core::double_of;
using testing_core::journal;
using testing_core::quiet;

TEST(app_report, leaves_a_report_that_says_why_and_what) {
  const std::string file = testing::TempDir() + "lastcall_app_report." + std::to_string(getpid()) + ".json";
  journal notes;
  app a{quiet({.report_file = file})};
  a.add("http", double_of("http", notes, {.account = [](component_report& out) {
                            out.requests = {.begun = 2, .answered = 2};
                            out.add("port", 8080);
                          }}));
  const std::jthread asks = asks_when_ready(a, "leader lost");
  EXPECT_EQ(a.run(), 0);
  std::stringstream json;
  json << std::ifstream(file).rdbuf();
  EXPECT_THAT(json.str(), HasSubstr("\"text\": \"leader lost\""));
  EXPECT_THAT(json.str(), HasSubstr("\"answered\":2"));
  EXPECT_THAT(json.str(), HasSubstr("\"port\":8080"));
  std::filesystem::remove(file);
}

TEST(app_report, logs_a_report_that_cannot_be_written_and_keeps_its_exit_code) {
  std::string logged;
  app_options options = quiet({.report_file = "/nowhere/at/all.json"});
  options.log = log_level::error;
  options.sink = [&](const log_record& r) { logged += std::string(r.text); };
  app a{options};
  const std::jthread asks = asks_when_ready(a, "");
  EXPECT_EQ(a.run(), 0);
  EXPECT_EQ(logged, "report not written");
}

TEST(app_report, names_the_critical_path_of_its_end) {
  journal notes;
  app a{quiet()};
  const auto pg = a.add("pg", double_of("pg", notes));
  const auto http = a.add("http", double_of("http", notes), {pg});
  a.add("timer", double_of("timer", notes), {http});
  a.start();
  EXPECT_THAT(a.shutdown(deadline(20s)).critical_path, ElementsAre("timer", "http", "pg"));
}

/// Closes a connection with a byte unread, so that the kernel resets it.
void reset_a_connection() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&at), size), 0);
  const int ours = accept(listener, nullptr, nullptr);
  ASSERT_EQ(send(client, "x", 1, MSG_NOSIGNAL), 1);
  char c;
  ASSERT_EQ(recv(ours, &c, 1, MSG_PEEK), 1);
  for (const int each : {ours, client, listener}) close(each);
}

// The kernel counts for the whole network namespace, so there may be more than this one.
TEST(app_report, mentions_resets_that_no_ledger_explains) {
  journal notes;
  app a{quiet()};
  a.add("careless", double_of("careless", notes, {.stop = reset_a_connection}));
  a.start();
  const report& r = a.shutdown(deadline(20s));
  ASSERT_TRUE(r.kernel);
  EXPECT_GE(r.kernel->reset_on_close, 1U);
  EXPECT_GE(r.unexplained_resets(), 1U);
  EXPECT_EQ(to_text(r).find("  the kernel reset ") != std::string::npos, r.kernel->ours_alone);
}

TEST(app_report, mentions_resets_at_debug_level_where_they_may_be_of_other_processes) {
  journal notes;
  std::string warned, debugged;
  app_options o = quiet();
  o.log = log_level::debug;
  o.sink = [&](const log_record& r) { (r.level == log_level::debug ? debugged : warned) += r.text; };
  app a{o};
  a.add("careless", double_of("careless", notes, {.stop = reset_a_connection}));
  const std::jthread asks = asks_when_ready(a, "");
  EXPECT_EQ(a.run(), 0);
  EXPECT_EQ(warned.find("the kernel reset ") != std::string::npos, network_namespace_is_ours_alone()) << warned;
  EXPECT_EQ(debugged.find("perhaps of other processes") == std::string::npos, network_namespace_is_ours_alone());
}

TEST(app_report, of_a_failed_start_says_what_was_ended_again) {
  journal notes;
  std::string said;
  app_options o{.environment = false};
  o.signals = {};
  o.sink = [&](const log_record& line) { said.append(line.text).append("\n"); };
  app a{o};
  const auto pg = a.add("pg", double_of("pg", notes));
  a.add("http", double_of("http", notes, {.start = [](context) { throw std::runtime_error("address in use"); }}), {pg});
  EXPECT_EQ(a.run(), 1);
  EXPECT_THAT(said, HasSubstr("component \"http\" failed to start: address in use\n"));
  EXPECT_THAT(said, HasSubstr("  had started, and was ended again: pg\n"));
}

TEST(app_report, has_exit_code_1_when_a_component_fails_while_it_drains) {
  journal notes;
  app a{quiet()};
  lastcall::drained done;
  const auto writer = a.add("writer", double_of("writer", notes));
  a.add("http",
        double_of("http", notes,
                  {.drain =
                       [&](context, lastcall::drained d) {
                         a.fail("writer", "disk gone");
                         d();
                       }}),
        {writer});
  a.start();
  const report& r = a.shutdown(deadline(20s));
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.errors, ElementsAre("component \"writer\" failed: disk gone"));
}

}  // namespace lastcall::app_report_test
