#include "lastcall/http/server/admin.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <thread>

#include "lastcall/http/server/server.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::admin_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

using ::testing::StartsWith;
using testing_net::client;

constexpr std::string_view localhost = "127.0.0.1";

/// A whole response, asked for with a connection of its own.
std::string get(const net::endpoint& where, const std::string& target, const std::string& headers = "") {
  client c(where);
  c.say("GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + "\r\n");
  return c.hear_all();
}

app_options quiet(duration readiness_delay = 0s) {
  return {
      .grace = 20s, .readiness_delay = readiness_delay, .signals = {}, .log = log_level::none, .environment = false};
}

/// Does what the test says, on the thread that drives the app.
struct stage : component {
  struct options {
    function<void()> on_start = {};
    function<void()> on_drain = {};
  };
  explicit stage(options o) : does(std::move(o)) {}
  void start(context) override {
    if (does.on_start) does.on_start();
  }
  void drain(context, drained done) override {
    if (does.on_drain) does.on_drain();
    done();
  }
  void account(component_report& into) const override { into.lost = false; }
  options does;
};

struct house {
  explicit house(duration readiness_delay = 0s) : a(quiet(readiness_delay)) {}
  net::endpoint where() const { return door->addresses().front(); }

  app a;
  handle<admin> door = a.add<admin>("admin", {.address = std::string(localhost), .port = 0});
};

TEST(admin, answers_probes_while_the_others_start) {
  house h;
  std::string readiness, liveness;
  h.a.add<stage>("database", {.on_start = [&] {
                   readiness = get(h.where(), "/readyz");
                   liveness = get(h.where(), "/livez");
                 }});
  h.a.start();
  EXPECT_THAT(readiness, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\r\n\r\nstarting: database\n")));
  EXPECT_THAT(liveness, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get(h.where(), "/readyz"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\r\n\r\nready\n")));
  h.a.shutdown(deadline(10s));
}

TEST(admin, says_why_the_program_does_not_want_to_be_ready) {
  house h;
  h.a.ready_unless([] { return "db: no connection for 12s"; });
  h.a.start();
  EXPECT_THAT(get(h.where(), "/readyz"),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\r\n\r\ndb: no connection for 12s\n")));
  EXPECT_THAT(get(h.where(), "/livez"), StartsWith("HTTP/1.1 200"));
  h.a.shutdown(deadline(10s));
}

TEST(admin, answers_probes_until_the_last_other_has_drained) {
  house h;
  std::string readiness, as_json, numbers, status;
  h.a.add<stage>("database", {.on_drain = [&] {
                   readiness = get(h.where(), "/readyz");
                   as_json = get(h.where(), "/readyz", "Accept: text/plain, application/json\r\n");
                   numbers = get(h.where(), "/metrics");
                   status = get(h.where(), "/status");
                 }});
  h.a.start();
  const net::endpoint where = h.where();
  const report& r = h.a.shutdown(deadline(10s));
  EXPECT_THAT(readiness, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\r\n\r\ndraining; not ready for ")));
  EXPECT_THAT(as_json, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\"phase\":\"draining\",\"ready\":false")));
  EXPECT_THAT(numbers, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Type: text/plain; version=0.0.4"),
                             HasSubstr("\nlastcall_phase{phase=\"draining\"} 1\n"),
                             HasSubstr("\nlastcall_shutdown_left_seconds ")));
  EXPECT_THAT(status, HasSubstr("{\"name\":\"database\",\"state\":\"draining\"}"));
  EXPECT_EQ(r.outcome, outcome::graceful);
  EXPECT_EQ(r.connections(), connection_ledger{}) << "its own are not those of the service";
  EXPECT_EQ(client(where).error(), ECONNREFUSED);
}

TEST(admin, streams_its_status_until_it_drains_itself) {
  house h;
  std::optional<client> events;
  std::string draining;
  h.a.add<stage>("database", {.on_start = [&] { events.emplace(h.where()); },
                              .on_drain = [&] { draining = events->hear_until("\"phase\":\"draining\""); }});
  h.a.start();
  events->say("GET /status/events HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(events->hear_until("\r\n\r\n"), HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
  EXPECT_THAT(events->hear_until("}]}\n\n"), HasSubstr("event: status\ndata: {\"schema\":1,\"phase\":\"serving\""));
  h.a.shutdown(deadline(10s));
  EXPECT_THAT(draining, HasSubstr("draining"));
  EXPECT_THAT(events->hear_all(), AllOf(HasSubstr("{\"name\":\"database\",\"state\":\"stopped\"}"),
                                        HasSubstr("\nretry: "), ::testing::EndsWith("\n\n\r\n0\r\n\r\n")))
      << "whole, to the last chunk";
}

TEST(admin, shows_the_connections_and_requests_of_a_server) {
  house h;
  server_options o{.address = std::string(localhost), .port = 0};
  o.routes.get("/", [](const request&) { return text("hello\n"); });
  const auto http = h.a.add<server>("http", std::move(o));
  h.a.start();
  client c(http->addresses().front());
  c.say("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n");
  c.hear_until("hello\n");
  c.hear_until("\r\n\r\n");
  // What the client has heard, the server counts a moment later.
  const std::string wanted =
      "{\"name\":\"http\",\"state\":\"running\",\"connections\":1,\"kinds\":{\"http1\":1},\"requests\":0}";
  std::string status;
  for (const time_point by = steady().now() + 10s; steady().now() < by && status.find(wanted) == status.npos;)
    status = get(h.where(), "/status");
  EXPECT_THAT(status, HasSubstr(wanted));
  const std::string numbers = get(h.where(), "/metrics");
  for (const char* line :
       {"lastcall_connections_accepted_total{component=\"http\"} 1",
        "lastcall_connections_open{component=\"http\",state=\"idle\"} 1",
        "lastcall_connections_open{component=\"http\",state=\"new\"} 0",
        "lastcall_requests_begun_total{component=\"http\"} 2",
        "lastcall_requests_ended_total{component=\"http\",end=\"answered\"} 1",
        "lastcall_requests_ended_total{component=\"http\",end=\"rejected\"} 1",
        "lastcall_responses_total{component=\"http\",class=\"2xx\"} 1",
        "lastcall_responses_total{component=\"http\",class=\"4xx\"} 1",
        "lastcall_route_responses_total{component=\"http\",method=\"GET\",route=\"/\",class=\"2xx\"} 1",
        "lastcall_route_duration_seconds_count{component=\"http\",method=\"GET\",route=\"/\"} 1",
        "lastcall_request_duration_seconds_count{component=\"http\"} 2"})
    EXPECT_THAT(numbers, HasSubstr("\n" + std::string(line) + "\n"));
  c.close();
  h.a.shutdown(deadline(10s));
}

TEST(admin, answers_a_pre_stop_hook_when_the_readiness_delay_is_over) {
  house h(300ms);
  h.a.start();
  const time_point begin = steady().now();
  client hook(h.where());
  hook.say("GET /prestop HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  while (h.a.ready()) std::this_thread::yield();
  EXPECT_FALSE(h.a.asked_to_end());
  EXPECT_THAT(hook.hear_all(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("announced\n")));
  EXPECT_GE(steady().now() - begin, 300ms);
  EXPECT_THAT(get(h.where(), "/readyz"), HasSubstr("announced; not ready for "));
  EXPECT_EQ(h.a.readiness_left(), 0s) << "not waited for again";
  h.a.shutdown(deadline(20s));
}

TEST(admin, does_not_keep_a_pre_stop_hook_beyond_the_request_for_the_end) {
  house h(10s);
  h.a.start();
  client hook(h.where());
  hook.say("POST /prestop HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  while (h.a.ready()) std::this_thread::yield();
  std::thread stopping([&] { h.a.shutdown(deadline(500ms)); });
  EXPECT_THAT(hook.hear_all(), StartsWith("HTTP/1.1 200"));
  stopping.join();
}

TEST(admin, fails_the_start_when_its_port_is_taken) {
  house first;
  first.a.start();
  app second(quiet());
  second.add<admin>("admin", {.address = std::string(localhost), .port = first.where().port()});
  EXPECT_THROW(second.start(), std::runtime_error);
  EXPECT_THAT(get(first.where(), "/livez"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get(first.where(), "/else"), StartsWith("HTTP/1.1 404"));
  first.a.shutdown(deadline(10s));
}

}  // namespace lastcall::http::admin_test
