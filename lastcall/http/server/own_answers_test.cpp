// Each answer of the server's own passes server_options::own_answers, over HTTP/1.1 and HTTP/2, in clear and over TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "lastcall/http/message/problem.hpp"
#include "lastcall/http/server/parity_scene_test.hpp"

namespace lastcall::http::own_answers_test {

using namespace std::chrono_literals;
using namespace testing_parity;
using ::testing::HasSubstr;
using ::testing::Not;

struct own_answers : ::testing::Test {
  /// What the client got, and what the access log has.
  facts of(transport over, const std::function<void(visit&)>& client,
           const std::function<void(server_options&)>& with) {
    visit v(over, with, ca, keys);
    client(v);
    return v.leaves();
  }
  const authority ca;
  const authority::files keys = ca.issue({}, "server");
};

struct row {
  int status;
  std::function<void(visit&)> does;
};

TEST_F(own_answers, are_all_changed) {
  const auto get = [](std::string target, fields more = {}) { return [=](visit& v) { v.ask("GET", target, more); }; };
  const row rows[] = {
      {400, get("/%zz")},
      {404, get("/none")},
      {405, [](visit& v) { v.ask("DELETE", "/plain"); }},
      {408,
       [](visit& v) {
         v.here().head("POST", "/collected", {{"content-length", "100"}}, false);
         v.here().piece("12345");
         v.hear();
       }},
      {413, [](visit& v) { v.post("/small", std::string(11, 'x'), {{"content-length", "11"}}); }},
      {414, get("/" + std::string(20'000, 'x'))},
      {417, get("/plain", {{"expect", "miracles"}})},
      {422, get("/body_error/422")},
      {431, get("/plain", fields(120, {"x", "y"}))},
      {500, get("/throws")},
      {500, get("/coroutine_throws")},
      {500, get("/responder_throws")},
      {500, get("/responder_drops")},
      {500, get("/blocking_throws")},
      {501, [](visit& v) { v.ask("BREW", "/plain"); }},
      {503,
       [](visit& v) {
         v.fill_the_pool();
         v.ask("GET", "/blocking");
       }},
      {504, get("/late/coroutine")},
  };
  const auto with = [](server_options& o) {
    o.own_answers = problem_json;
    o.limits.body_time = 200ms;
    o.blocking = {.threads = 1, .queue = 0};
  };
  for (const row& each : rows)
    for (const transport t : transports) {
      const facts told = of(t, each.does, with);
      EXPECT_THAT(told.client, HasSubstr("application/problem+json")) << each.status << ", transport " << int(t);
      EXPECT_THAT(told.client, HasSubstr("\"status\":" + std::to_string(each.status))) << "transport " << int(t);
      if (each.status == 405) {
        EXPECT_THAT(told.client, HasSubstr("GET, HEAD, OPTIONS"));
      }
      EXPECT_THAT(told.access_log, HasSubstr(' ' + std::to_string(each.status) + ' ')) << "transport " << int(t);
    }
}

TEST_F(own_answers, are_not_what_handlers_answer) {
  const facts told = of(
      transport::h1, [](visit& v) { v.ask("GET", "/status/503"); },
      [](server_options& o) { o.own_answers = problem_json; });
  EXPECT_THAT(told.client, AllOf(HasSubstr("with a body"), Not(HasSubstr("problem"))));
}

TEST_F(own_answers, may_be_replaced_and_keep_what_tells_clients_how_to_go_on) {
  const facts told = of(
      transport::h1, [](visit& v) { v.ask("DELETE", "/plain"); },
      [](server_options& o) {
        o.own_answers = [](const request& q, response& r) {
          r = html("<p>" + std::string(q.method()) + " won't do</p>", 404);
        };
      });
  EXPECT_THAT(told.client, AllOf(HasSubstr("404"), HasSubstr("<p>DELETE won't do</p>"), HasSubstr("GET, HEAD")));
  EXPECT_THAT(told.access_log, HasSubstr(" 404 "));
}

TEST_F(own_answers, are_sent_as_they_were_when_the_hook_throws) {
  const facts told = of(
      transport::h1, [](visit& v) { v.ask("GET", "/none"); },
      [](server_options& o) {
        o.own_answers = [](const request&, response& r) {
          r.body("half");
          throw std::runtime_error("planned");
        };
      });
  EXPECT_THAT(told.client, AllOf(HasSubstr("404 Not Found"), Not(HasSubstr("half"))));
}

}  // namespace lastcall::http::own_answers_test
