// The lab proves itself: its wire has the delay it was asked for, loses nothing else, and shows what only packets can
// show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "lastcall/testing/internal/child_process.hpp"

using lastcall::deadline;
using lastcall::testing::child_process;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

std::string program(const std::string& name) {
  const char* bin = std::getenv("LASTCALL_BIN");
  return (bin ? std::string(bin) : "build/release/bin") + "/" + name;
}

bool long_run() { return std::getenv("LASTCALL_LONG") != nullptr; }

struct lab_run {
  int exit = -1;
  std::string output;
  std::string errors;

  // The number after `name=` in the client's output; -1 when it is not there.
  double number(const std::string& name) const {
    const auto at = output.find(name + "=");
    return at == std::string::npos ? -1 : std::strtod(output.c_str() + at + name.size() + 1, nullptr);
  }
};

lab_run lab(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("net_lab"));
  child_process process(arguments);
  const auto status = process.wait(deadline(2min));
  lab_run run{.exit = status ? status->code : -1, .output = process.output(), .errors = process.errors()};
  std::printf("%s%s", run.output.c_str(), run.errors.c_str());
  return run;
}

lab_run peers(const std::string& delay, const std::string& load, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"--delay",  delay,
                                     "--server", program("net_lab_peer") + " serve 10.77.0.1",
                                     "--client", program("net_lab_peer") + " connect 10.77.0.1 $LAB_PORT " + load};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return lab(std::move(arguments));
}

}  // namespace

#define SKIP_WITHOUT_ROOT(run) \
  if ((run).exit == 77) GTEST_SKIP() << (run).errors

TEST(net_lab, delays_each_way_by_what_it_was_told) {
  const auto run = peers("20ms", "200 1 0");
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.number("answered"), run.number("begun"));
  EXPECT_GE(run.number("min"), 40);
  EXPECT_LT(run.number("min"), 60);  // the quickest of 200; what the machine does besides is not the lab's
}

TEST(net_lab, carries_two_thousand_connections_a_second_without_losing_one) {
  const auto run = peers("20ms", long_run() ? "2000 10 0" : "2000 1 0");
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 0);
  EXPECT_GE(run.number("begun"), 1900);
  EXPECT_EQ(run.number("answered"), run.number("begun"));
}

TEST(net_lab, shows_the_handshakes_in_flight_that_a_plain_close_resets) {
  const auto run = peers("20ms", "2000 1 0.5");
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 0);
  // 2,000 a second and 40 ms of round trip: about 80 of them are between SYN and accept at any moment.
  EXPECT_GE(run.number("lost"), 20);
  EXPECT_GT(run.number("refused"), 0);
  EXPECT_GT(run.number("answered"), 0);
}

TEST(net_lab, loses_frames_on_purpose_and_counts_them) {
  const auto run = peers("1ms", "500 1 0", {"--loss", "5", "--seed", "7"});
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 0);
  EXPECT_THAT(run.errors, Not(HasSubstr(" 0 lost on purpose")));
  EXPECT_GE(run.number("answered"), run.number("begun") - 10)
      << "TCP repeats what is lost; one that loses several in a row may be given up";
}

TEST(net_lab, ends_with_the_exit_code_of_its_client) {
  const auto run = lab({"--delay", "0", "--server", program("net_lab_peer") + " serve 10.77.0.1", "--client",
                        "/bin/sh -c 'test -n \"$LAB_SERVER_PID\" && exit 3'"});
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 3);
}

TEST(net_lab, says_when_the_server_ended_wrong_though_the_client_was_content) {
  const auto run =
      lab({"--delay", "0", "--server", "/bin/sh -c 'echo listening on http://nowhere:1; exit 7'", "--client", "true"});
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 4);
  EXPECT_THAT(run.errors, HasSubstr("exit 7"));
}

TEST(net_lab, could_not_measure_a_server_that_never_serves) {
  const auto run = lab({"--delay", "0", "--server", "true", "--client", "true"});
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 5);
  EXPECT_THAT(run.errors, HasSubstr("did not print a line"));
}

TEST(net_lab, kills_a_client_that_does_not_end_in_time) {
  const auto run = lab({"--delay", "0", "--timeout", "5s", "--server", program("net_lab_peer") + " serve 10.77.0.1",
                        "--client", "sleep 100"});
  SKIP_WITHOUT_ROOT(run);
  EXPECT_EQ(run.exit, 5);
  EXPECT_THAT(run.errors, HasSubstr("killed"));
}

TEST(net_lab, names_a_duration_that_is_none) {
  const auto run = lab({"--delay", "20", "--server", "true", "--client", "true"});
  EXPECT_EQ(run.exit, 2);
  EXPECT_THAT(run.errors, HasSubstr("--delay 20"));
}
