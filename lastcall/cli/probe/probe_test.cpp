#include "lastcall/cli/probe/probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "lastcall/testing/internal/child_process.hpp"
#include "lastcall/testing/internal/faulty_server.hpp"

namespace lastcall::cli::probe_test {

using namespace std::chrono_literals;
using lastcall::testing::child_process;
using lastcall::testing::exit_status;
using lastcall::testing::fault;
using lastcall::testing::faulty_server;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct outcome {
  int code;
  std::string output, errors;
};

outcome command(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{LASTCALL_COMMAND};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  child_process child(argv);
  const auto status = child.wait(deadline(60s));
  return {status ? status->code : -1, child.output(), child.errors()};
}

/// A command that says where `server` listens and ends at SIGTERM; the server itself lives here.
std::vector<std::string> stand_in(const faulty_server& server, const std::string& then = "exec sleep 60") {
  return {"--", "/bin/sh", "-c", "echo starting; echo listening on " + server.url() + "; " + then};
}

std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(probe, exits_with_0_when_nothing_was_lost) {
  faulty_server server;
  const auto o = command(joined({"probe", "--load", "busy:4", "--after", "100ms"}, stand_in(server)));
  EXPECT_EQ(o.code, 0) << o.output << o.errors;
  EXPECT_THAT(o.output, AllOf(HasSubstr("busy:4"), HasSubstr("signal 15"), HasSubstr("nothing lost")));
}

TEST(probe, sends_headers_and_a_body_of_ones_own) {
  faulty_server server(
      {.wants = "X-Key: a\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"item\":\"tea\"}"});
  const std::vector<std::string> usual{"probe", "--load", "busy:1", "--after", "100ms"};
  const auto o = command(joined(joined(usual, {"--header", "X-Key: a", "--header", "Content-Type: application/json",
                                               "--body", R"({"item":"tea"})"}),
                                stand_in(server)));
  EXPECT_EQ(o.code, 0) << o.output << o.errors;
  faulty_server other({.wants = "PUT /"});
  EXPECT_EQ(command(joined(joined(usual, {"--method", "PUT"}), stand_in(other))).code, 0);
  EXPECT_EQ(command(joined(usual, stand_in(other))).code, 1) << "400";
}

TEST(probe, exits_with_1_and_names_the_kinds_when_something_was_lost) {
  faulty_server server({.fault = fault::cut, .times = 3});
  const auto o = command(joined({"probe", "--load", "busy:4", "--after", "100ms"}, stand_in(server)));
  EXPECT_EQ(o.code, 1) << o.output << o.errors;
  EXPECT_THAT(o.output, AllOf(HasSubstr("3 (3 truncated)"), HasSubstr("\n3 lost")));
}

TEST(probe, writes_json_alone_to_stdout_when_asked_to) {
  faulty_server server;
  const auto o = command(joined({"probe", "--json", "-", "--load", "fresh:2", "--after", "100ms"}, stand_in(server)));
  EXPECT_EQ(o.code, 0) << o.output << o.errors;
  EXPECT_THAT(o.output,
              AllOf(StartsWith("{\n  \"schema\": 1,"), HasSubstr("\"lost\": 0"), HasSubstr("\"signal\": 15")));
  EXPECT_THAT(o.errors, HasSubstr("nothing lost"));
}

TEST(probe, measures_a_process_that_is_not_its_child) {
  faulty_server server;
  child_process other({"sleep", "60"});
  const auto o = command({"probe", "--pid", std::to_string(other.pid()), "--address", server.url(), "--load", "busy:2",
                          "--after", "100ms", "--signal", "INT"});
  EXPECT_EQ(o.code, 0) << o.output << o.errors;
  EXPECT_THAT(o.output, HasSubstr("unknown (not our child)"));
  EXPECT_EQ(other.wait(deadline(10s)), (exit_status{-1, 2}));
}

TEST(probe, waits_for_a_server_that_does_not_announce_itself_when_the_address_is_given) {
  faulty_server server;
  const auto o =
      command({"probe", "--address", server.url(), "--load", "busy:2", "--after", "50ms", "--", "sleep", "60"});
  EXPECT_EQ(o.code, 0) << o.output << o.errors;
}

TEST(probe, kills_a_server_that_does_not_end_and_says_so) {
  faulty_server server;
  const auto o = command(joined({"probe", "--load", "busy:1", "--after", "50ms", "--timeout", "300ms"},
                                stand_in(server, "trap '' TERM; while :; do sleep 1; done")));
  EXPECT_EQ(o.code, 1) << o.output << o.errors;
  EXPECT_THAT(o.output, AllOf(HasSubstr("killed by us"), HasSubstr("killed, since it did not end in time")));
}

TEST(probe, exits_with_5_when_it_could_not_measure) {
  auto o = command({"probe", "--", "/bin/sh", "-c", "exit 3"});
  EXPECT_EQ(o.code, 5);
  EXPECT_THAT(o.errors, AllOf(HasSubstr("listening on http://"), HasSubstr("exit 3")));
  o = command({"probe", "--start-timeout", "50ms", "--", "sleep", "60"});
  EXPECT_EQ(o.code, 5);
  EXPECT_THAT(o.errors, HasSubstr("50ms"));
  o = command({"probe", "--", "/no/such/program"});
  EXPECT_EQ(o.code, 5);
  EXPECT_THAT(o.errors, HasSubstr("/no/such/program"));
  o = command({"probe", "--address", "http://127.0.0.1:1", "--", "/bin/true"});
  EXPECT_EQ(o.code, 5);
  faulty_server server;
  o = command(joined({"probe", "--load", "busy:1", "--after", "10s"}, stand_in(server, "sleep 0.2")));
  EXPECT_EQ(o.code, 5);
  EXPECT_THAT(o.output, HasSubstr("ended before the signal"));
}

TEST(probe, exits_with_2_and_says_what_was_meant) {
  const auto refusal = [](const std::vector<std::string>& arguments, const char* why) {
    const auto o = command(arguments);
    EXPECT_EQ(o.code, 2) << o.errors;
    EXPECT_THAT(o.errors, HasSubstr(why));
    EXPECT_EQ(o.output, "");
  };
  refusal({}, "probe");
  refusal({"prob"}, "'prob' is no command");
  refusal({"probe"}, "give its command behind --");
  refusal({"probe", "--lod", "busy", "--", "x"}, "unknown option '--lod'; did you mean --load?");
  refusal({"probe", "server", "--", "x"}, "put the server's command behind --");
  refusal({"probe", "--load", "bussy", "--", "x"}, "'bussy' is no load");
  refusal({"probe", "--after", "5", "--", "x"}, "--after '5': give a time");
  refusal({"probe", "--timeout", "0", "--", "x"}, "--timeout '0': give a time");
  refusal({"probe", "--signal", "TREM", "--", "x"}, "--signal 'TREM': no such signal");
  refusal({"probe", "--signals", "0", "--", "x"}, "--signals '0': give COUNT");
  refusal({"probe", "--pid", "x", "--address", "http://127.0.0.1:1"}, "--pid 'x': give the number");
  refusal({"probe", "--pid", "4711"}, "--pid needs --address");
  refusal({"probe", "--pid", "4711", "--address", "http://127.0.0.1:1", "--", "x"}, "not both");
  refusal({"probe", "--address", "127.0.0.1", "--", "x"}, "the port is missing");
  refusal({"probe", "--header", "X-Key", "--", "x"}, "header 'X-Key': give 'Name: value'");
  refusal({"probe", "--header", "Content-Length: 3", "--", "x"}, "the client says this itself");
  refusal({"probe", "--method", "A B", "--", "x"}, "method 'A B': give GET");
  refusal({"probe", "--seed", "-3", "--", "x"}, "--seed");
}

TEST(probe, explains_itself) {
  const auto o = command({"probe", "--help"});
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.output, AllOf(HasSubstr("--load"), HasSubstr("half-closed"), HasSubstr("Exit: 0 nothing lost")));
  EXPECT_EQ(command({"--help"}).code, 0);
}

}  // namespace lastcall::cli::probe_test
