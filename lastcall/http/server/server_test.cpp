#include "lastcall/http/server/server.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <condition_variable>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/by_median_test.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::server_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing_net::client;
using testing_net::generous;

constexpr std::string_view hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view later = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";

std::string get(std::string_view target) {
  return std::string("GET ").append(target).append(" HTTP/1.1\r\nHost: a\r\n\r\n");
}

/// One response of the tests' routes, all of which end with a line.
std::string ask(client& c, std::string_view request) {
  c.say(request);
  std::string all = c.hear_until("\r\n\r\n");
  return all += c.hear_until("\n");
}

/// What handlers and test tell each other.
struct scene {
  router routes() {
    router r;
    r.get("/", [](const request&) { return text("hello\n"); });
    r.get("/later", [this](const request&, context life, responder answer) {
      const std::lock_guard lock(mutex_);
      answers.push_back(std::move(answer));
      lives.push_back(std::move(life));
      changed_.notify_all();
    });
    return r;
  }
  bool wait_for(std::size_t requests) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, generous, [&] { return answers.size() >= requests; });
  }
  std::vector<responder> answers;
  std::vector<context> lives;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

server_options local(router routes) {
  return {.address = "127.0.0.1", .port = 0, .routes = std::move(routes), .silence = 30ms};
}

TEST(server, tells_where_it_listens_and_serves_there) {
  scene s;
  server it(local(s.routes()));
  it.start();
  ASSERT_THAT(it.addresses(), SizeIs(1));
  EXPECT_NE(it.addresses()[0].port(), 0);
  client c(it.addresses()[0]);
  EXPECT_THAT(ask(c, hello), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\n\r\nhello\n")));
}

TEST(server, listens_on_a_path_as_well_or_instead) {
  const std::string path = ::testing::TempDir() + "server-" + std::to_string(::getpid());
  scene s;
  auto o = local(s.routes());
  o.address = "";
  o.unix_path = path;
  server it(std::move(o));
  it.start();
  client c(net::endpoint_of("unix:" + path, 0));
  ASSERT_EQ(c.error(), 0);
  EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
  c.close();
  EXPECT_EQ(it.shutdown(deadline(10s)).outcome, outcome::graceful);
  EXPECT_EQ(client(net::endpoint_of("unix:" + path, 0)).error(), ENOENT);
}

TEST(server, refuses_options_that_cannot_be_meant) {
  const auto why = [](server_options o) -> std::string {
    try {
      server it(std::move(o));
      return "accepted";
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
  EXPECT_THAT(why({.address = "localhost"}), HasSubstr("localhost"));
  EXPECT_THAT(why({.address = ""}), HasSubstr("nowhere to listen"));
  EXPECT_THAT(why({.silence = -1s}), HasSubstr("silence = -1s"));
  EXPECT_THAT(why({.linger = -1s}), HasSubstr("linger = -1s"));
  EXPECT_THAT(why({.limits = {.head_bytes = 1}}), HasSubstr("head_bytes"));
}

TEST(server, says_that_its_port_is_taken) {
  server first(local({}));
  first.start();
  auto o = local({});
  o.port = first.addresses()[0].port();
  server second(std::move(o));
  try {
    second.start();
    ADD_FAILURE() << "two on one port";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(net::to_text(first.addresses()[0])));
  }
  first.shutdown(deadline(1s));
  EXPECT_THROW(second.start(), std::logic_error) << "its runtime has ended; a new server may try again";
  EXPECT_EQ(second.shutdown(deadline(1s)).outcome, outcome::graceful);
}

TEST(server, goes_without_delay_when_it_never_started_or_was_shut_down) {
  const time_point begin = steady().now();
  { server never(local({})); }
  {
    server it(local({}));
    it.start();
    it.shutdown(deadline(10s));
  }
  EXPECT_LT(steady().now() - begin, 900ms);
}

TEST(server, says_that_it_lives_and_whether_it_is_ready) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0]);
  EXPECT_THAT(ask(c, get("/livez")), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("alive\n")));
  EXPECT_THAT(ask(c, get("/readyz")), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("ready\n")));
  it.announce();
  EXPECT_THAT(ask(c, get("/livez")), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(c, get("/readyz")), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("draining\n")));
  EXPECT_THAT(ask(c, hello), StartsWith("HTTP/1.1 200"));
}

TEST(server, leaves_health_to_the_users_route_or_away) {
  scene s;
  auto o = local(s.routes());
  o.routes.get("/readyz", [](const request&) { return text("mine\n"); });
  server mine(std::move(o));
  mine.start();
  client c(mine.addresses()[0]);
  EXPECT_THAT(ask(c, get("/readyz")), HasSubstr("mine\n"));

  auto without = local(s.routes());
  without.health = false;
  server none(std::move(without));
  none.start();
  client d(none.addresses()[0]);
  EXPECT_THAT(ask(d, get("/livez")), StartsWith("HTTP/1.1 404"));
}

TEST(server, says_503_to_an_address_that_has_too_many_connections_and_to_no_other) {
  serving_test s({.limits = {.max_connections_per_address = 2}});
  auto one = s.enters(), two = s.enters();
  one.say(request_for("/livez"));
  EXPECT_EQ(next_reply(one).status, 200);
  EXPECT_EQ(s.get("/livez").status, 503);
  testing_net::client other("127.0.0.2", s.it.addresses().at(0));
  other.say(request_for("/livez"));
  EXPECT_EQ(next_reply(other).status, 200);
  two.close();
  EXPECT_TRUE(s.eventually([&] { return s.get("/livez").status == 200; })) << "one of them has left";
}

TEST(server, says_503_when_it_is_full) {
  scene s;
  auto o = local(s.routes());
  o.limits.max_connections = 1;
  server it(std::move(o));
  it.start();
  client a(it.addresses()[0]);
  EXPECT_THAT(ask(a, hello), StartsWith("HTTP/1.1 200"));
  client b(it.addresses()[0]);
  EXPECT_THAT(ask(b, hello), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\r\nRetry-After: "),
                                   HasSubstr("\r\nConnection: close\r\n")));
  EXPECT_EQ(b.hear_all(), "");
  EXPECT_THAT(ask(a, hello), StartsWith("HTTP/1.1 200"));
}

TEST(server, shuts_down_gracefully_as_soon_as_the_last_request_is_answered) {
  scene s;
  server it(local(s.routes()));
  it.start();
  const auto where = it.addresses()[0];
  client c(where);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  EXPECT_FALSE(s.lives[0].draining());
  shutdown_result result;
  time_point returned;
  std::thread stopping([&] {
    result = it.shutdown(deadline(20s));
    returned = steady().now();
  });
  EXPECT_FALSE(s.lives[0].wait_for(generous)) << "the handler's context says that the drain began";
  EXPECT_FALSE(s.lives[0].forced());
  EXPECT_LT(s.lives[0].drain_end(), steady().now() + 20s);
  s.answers[0].send(text("done\n"));
  EXPECT_THAT(c.hear_all(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("done\n")));
  const time_point answered = steady().now();
  c.close();
  stopping.join();
  EXPECT_LT(returned - answered, 1500ms);  // a few ms on a machine that does nothing else
  EXPECT_EQ(result.outcome, outcome::graceful);
  EXPECT_EQ(result.requests_forced + result.connections_forced, 0U);
  EXPECT_EQ(client(where).error(), ECONNREFUSED);
  EXPECT_EQ(it.requests(), (request_ledger{.begun = 1, .answered = 1}));
  EXPECT_EQ(it.connections(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST_BY_MEDIAN(server, forces_what_is_left_before_the_deadline) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client a(it.addresses()[0]), b(it.addresses()[0]);
  a.say(later);
  b.say(later);
  ASSERT_TRUE(s.wait_for(2));
  const time_point begin = steady().now();
  const shutdown_result result = it.shutdown(deadline(1500ms));
  EXPECT_LT(steady().now() - begin, 1500ms + 500ms);
  EXPECT_EQ(result.outcome, outcome::forced);
  EXPECT_EQ(result.requests_forced, 2U);
  EXPECT_EQ(result.connections_forced, 2U);
  EXPECT_TRUE(s.lives[0].forced());
  EXPECT_TRUE(s.answers[0].gone());
  EXPECT_TRUE(it.requests().adds_up());
  EXPECT_TRUE(it.connections().adds_up());
}

TEST(server, has_time_to_cut_also_before_a_short_deadline) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0]);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  const shutdown_result result = it.shutdown(deadline(150ms));  // a tenth of it would be less than last words take
  EXPECT_NE(result.outcome, outcome::graceful);
  if (result.took < 150ms) {  // else the machine was too slow to tell
    EXPECT_EQ(result.outcome, outcome::forced);
  }
}

TEST_BY_MEDIAN(server, lets_a_handler_that_sees_force_say_so_to_its_client) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0]);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  const std::stop_callback on_force(s.lives[0].forced_token(), [&] { s.answers[0].send(text("gave up\n", 503)); });
  std::string heard;
  std::thread listening([&] {
    heard = c.hear_all();
    c.close();
  });
  const shutdown_result result = it.shutdown(deadline(1500ms));
  listening.join();
  EXPECT_THAT(heard, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("gave up\n")));
  EXPECT_EQ(result.requests_forced, 1U) << "an answer, but not the one that was asked for";
  EXPECT_EQ(it.requests(), (request_ledger{.begun = 1, .forced = 1}));
}

TEST_BY_MEDIAN(server, says_forced_of_a_request_whose_connection_was_not) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client c(it.addresses()[0], 4096);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  const std::string words(400'000, 'x');  // the kernel takes them, its client never does
  const std::stop_callback on_force(s.lives[0].forced_token(), [&] { s.answers[0].send(text(words, 503)); });
  const shutdown_result result = it.shutdown(deadline(950ms));
  EXPECT_EQ(result.requests_forced, 1U);
  EXPECT_EQ(result.connections_forced, 0U);
  EXPECT_EQ(result.outcome, outcome::forced);
}

TEST_BY_MEDIAN(server, cuts_a_response_on_its_way_at_the_end_and_counts_it_as_forced) {
  scene s;
  auto o = local(s.routes());
  o.routes.get("/big", [](const request&) { return text(std::string(8'000'000, 'x')); });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0], 4096);
  c.say(get("/big"));
  ASSERT_EQ(c.hear_bytes(15), "HTTP/1.1 200 OK");
  const shutdown_result result = it.shutdown(deadline(1500ms));
  EXPECT_EQ(result.outcome, outcome::forced);
  EXPECT_EQ(it.requests(), (request_ledger{.begun = 1, .forced = 1}));
  EXPECT_EQ(it.connections(), (connection_ledger{.accepted = 1, .forced = 1}));
}

TEST(server, comes_back_by_the_deadline_although_a_handler_blocks_its_thread) {
  std::latch entered(1), released(1);
  auto o = local({});
  o.routes.get("/", [&](const request&) {
    entered.count_down();
    released.wait();
    return text("late\n");
  });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  c.say(hello);
  entered.wait();
  const time_point begin = steady().now();
  const shutdown_result result = it.shutdown(deadline(100ms));
  EXPECT_LT(steady().now() - begin, 2s);
  EXPECT_EQ(result.outcome, outcome::hung);
  released.count_down();
}

TEST(server, says_what_it_is_at_work_on_the_oldest_first) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client idle(it.addresses()[0]), half(it.addresses()[0]), first(it.addresses()[0]), second(it.addresses()[0]);
  ask(idle, hello);
  first.say("GET /later?" + std::string(200, 'q') + " HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(s.wait_for(1));
  second.say(later);
  ASSERT_TRUE(s.wait_for(2));
  std::vector<work_item> items;
  it.in_progress(items, 10);
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_EQ(items[0].label, "GET /later?" + std::string(113, 'q') + "...");
  EXPECT_EQ(items[1].label, "GET /later");
  EXPECT_THAT(items[0].remote, StartsWith("127.0.0.1:"));
  EXPECT_GE(items[0].age, items[1].age);
  it.in_progress(items, 1);
  ASSERT_THAT(items, SizeIs(3)) << "adds, and the oldest only";
  EXPECT_EQ(items[2].label, items[0].label);
  half.say("GET / HT");
  std::vector<work_item> three;
  for (const time_point by = steady().now() + generous; three.size() < 3 && steady().now() < by;) {
    three.clear();
    it.in_progress(three, 10);
  }
  ASSERT_THAT(three, SizeIs(3));
  EXPECT_EQ(three[2].label, "a request that is not complete");
  for (responder& r : s.answers) r.send(text("done\n"));
}

TEST(server, says_what_a_coroutine_waits_for_and_where) {
  auto o = local({});
  o.routes.get("/", [](const request&, context ctx) -> task<response> {
    co_await net::wait_for(ctx, 1h);
    co_return text("told\n");
  });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  c.say(hello);
  std::vector<work_item> items;
  for (const time_point by = steady().now() + generous; steady().now() < by;) {
    items.clear();
    it.in_progress(items, 10);
    if (!items.empty() && !items[0].waits_for.empty()) break;
  }
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_THAT(items[0].waits_for, StartsWith("time to pass (server_test.cpp:"));
}

TEST(server, says_that_a_loop_does_not_answer) {
  std::latch entered(1), released(1);
  auto o = local({});
  o.routes.get("/", [&](const request&) {
    entered.count_down();
    released.wait();
    return text("late\n");
  });
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  c.say(hello);
  entered.wait();
  std::vector<work_item> items;
  it.in_progress(items, 10);
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_THAT(items[0].label, HasSubstr("does not answer"));
  released.count_down();
}

TEST(server, says_what_its_close_cut) {
  scene s;
  server it(local(s.routes()));
  it.start();
  client busy(it.addresses()[0]), a(it.addresses()[0]), b(it.addresses()[0]);
  busy.say(later);
  ask(a, hello);
  ask(b, hello);
  ASSERT_TRUE(s.wait_for(1));
  const close_result cut = it.close();
  EXPECT_EQ(cut.requests, 1U);
  EXPECT_EQ(cut.idle_connections, 2U);
  EXPECT_EQ(busy.hear_all(), "");
  EXPECT_TRUE(it.requests().adds_up());
  EXPECT_TRUE(it.connections().adds_up());
}

TEST(server, can_be_started_again_on_its_port_by_the_next_process) {
  server first(local({}));
  first.start();
  const std::uint16_t port = first.addresses()[0].port();
  client c(first.addresses()[0]);
  ask(c, get("/livez"));
  EXPECT_EQ(first.shutdown(deadline(10s)).outcome, outcome::graceful);
  auto o = local({});
  o.port = port;
  server second(std::move(o));
  EXPECT_NO_THROW(second.start());
}

TEST(server, listens_with_every_thread_when_asked) {
  scene s;
  auto o = local(s.routes());
  o.listener_per_thread = true;
  server it(std::move(o));
  it.start();
  EXPECT_THAT(it.addresses(), SizeIs(1));
  for (int i = 0; i < 20; ++i) {
    client c(it.addresses()[0]);
    EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
  }
  EXPECT_EQ(it.shutdown(deadline(10s)).outcome, outcome::graceful);
  EXPECT_EQ(it.connections().accepted, 20U);
}

/// Keeps what an access log is told; looked at when the server has stopped.
struct access_notes {
  access_sink sink() {
    return [this](const access_record& r) {
      const std::lock_guard lock(mutex);
      EXPECT_GE(r.took, duration::zero());
      EXPECT_THAT(r.remote, StartsWith("127.0.0.1:"));
      lines.push_back(std::string(r.method) + " " + std::string(r.target) + " " + std::to_string(r.status) + " " +
                      std::to_string(r.bytes) + " " + std::string(to_text(r.ended)) + " " + std::string(r.request_id) +
                      " " + std::string(r.trace_id));
    };
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

TEST(server, tells_an_access_log_of_each_request_once_its_end_is_known) {
  scene s;
  access_notes notes;
  auto o = local(s.routes());
  o.access_log = notes.sink();
  server it(std::move(o));
  it.start();
  client a(it.addresses()[0]);
  const std::string traced =
      "HEAD /?q HTTP/1.1\r\nHost: a\r\nX-Request-Id: r1\r\n"
      "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
  a.say(std::string(hello) + traced + get("/none"));  // a pipeline
  a.hear_until("hello\n");
  a.hear_until("\r\n\r\n");
  a.hear_until("\r\n\r\n");
  a.close();
  client b(it.addresses()[0]);
  b.say("nonsense\r\n\r\n");
  b.hear_all();
  b.close();
  client c(it.addresses()[0]);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  c.reset();
  while (!s.answers[0].gone()) std::this_thread::yield();
  client d(it.addresses()[0]);
  d.say(later);
  ASSERT_TRUE(s.wait_for(2));
  it.shutdown(deadline(3s));
  EXPECT_THAT(notes.lines, ::testing::UnorderedElementsAre(
                               "GET / 200 6 answered  ", "HEAD /?q 200 0 answered r1 4bf92f3577b34da6a3ce929d0e0e4736",
                               "GET /none 404 14 rejected  ", "  400 0 rejected  ",
                               "GET /later 0 0 abandoned_by_client  ", "GET /later 0 0 forced  "));
}

TEST(server, survives_an_access_log_that_throws) {
  scene s;
  auto o = local(s.routes());
  o.access_log = [](const access_record&) { throw std::runtime_error("full"); };
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
  EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
}

TEST(server, gives_each_request_an_id_when_asked) {
  access_notes notes;
  auto o = local({});
  o.routes.get("/", [](const request& r) { return text(std::string(trace(r).request_id) + "\n"); });
  o.routes.get("/own", [](const request&) { return text("own\n").header("X-Request-Id", "mine"); });
  o.routes.post("/large", [](const request&) { return text("large\n"); });
  o.request_ids = true;
  o.access_log = notes.sink();
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  const auto header_of = [](const std::string& answer) {
    const auto at = answer.find("X-Request-Id: ");
    EXPECT_EQ(at, answer.rfind("X-Request-Id: ")) << "once";
    return at == answer.npos ? "" : answer.substr(at + 14, answer.find('\r', at) - at - 14);
  };
  EXPECT_THAT(ask(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\n\r\n"),
              AllOf(HasSubstr("\r\nX-Request-Id: abc\r\n"), HasSubstr("\r\n\r\nabc\n")));
  const std::string refused = ask(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n");
  const std::string made = header_of(refused);
  EXPECT_EQ(made.size(), 32U);
  EXPECT_THAT(refused, HasSubstr("\r\n\r\n" + made + "\n")) << "the handler sees the same";
  EXPECT_NE(header_of(ask(c, hello)), made);
  EXPECT_EQ(header_of(ask(c, get("/own"))), "mine");
  EXPECT_EQ(header_of(ask(c, get("/none"))).size(), 32U);
  EXPECT_EQ(
      header_of(ask(c, "POST /large HTTP/1.1\r\nHost: a\r\nX-Request-Id: big\r\nContent-Length: 9999999\r\n\r\n")),
      "big")
      << "refused, too";
  c.close();
  it.shutdown(deadline(10s));
  ASSERT_THAT(notes.lines, SizeIs(6));
  EXPECT_THAT(notes.lines[1], HasSubstr(" answered " + made + " "));
}

TEST(server, is_driven_by_the_app_that_it_belongs_to) {
  scene s;
  app a({.grace = 10s, .signals = {}, .log = log_level::none, .environment = false});
  auto it = a.add<server>("http", local(s.routes()));
  a.start();
  client c(it->addresses()[0]);
  EXPECT_THAT(ask(c, get("/readyz")), StartsWith("HTTP/1.1 200"));
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  std::thread stopping([&] {
    const report& r = a.shutdown(deadline(10s));
    EXPECT_EQ(r.outcome, outcome::graceful);
    EXPECT_EQ(r.exit_code, 0);
    EXPECT_EQ(r.requests(), (request_ledger{.begun = 2, .answered = 2}));
    EXPECT_EQ(r.connections(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  });
  EXPECT_FALSE(s.lives[0].wait_for(generous)) << "the app's drain reaches the handler";
  s.answers[0].send(text("done\n"));
  EXPECT_THAT(c.hear_all(), HasSubstr("done\n"));
  c.close();
  stopping.join();
}

}  // namespace lastcall::http::server_test
