#include "lastcall/http/h2/h2_connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "lastcall/http/h2/h2_conversation_test.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/sse/events.hpp"

namespace lastcall::http::detail::h2_connection_test {

using namespace std::chrono_literals;
using namespace h2_conversation_test;

/// Windows that nothing fills: what a client says that is slow by not reading.
const std::string open_wide = frame(4, 0, 0, {0, 4, 0x7f, '\xff', '\xff', '\xff'}) + frame(8, 0, 0, {0x7f, 0, 0, 0});

server_options every_form() {
  server_options o;
  o.h2c = true;
  o.jitter = 0s;
  o.routes.get("/plain", [](const request& r) { return text(std::string(r.header("Host"))); });
  o.routes.get("/coroutine", [](const request&) -> task<response> { co_return text("coroutine"); });
  o.routes.get("/responder", [](const request&, responder r) { std::move(r).send(text("responder")); });
  o.routes.get("/blocking", blocking([](const request&) { return text("blocking"); }));
  o.routes.get("/made", [](const request&) {
    return http::streamed([](body_writer to) -> task<> {
      for (int i = 0; i < 50; ++i) co_await to.write(std::string(4000, 'x'));
    });
  });
  o.routes.get("/32k", [](const request&) { return text(std::string(32'768, 'x')); });
  o.routes.get("/huge", [](const request&) {  // more than the kernel takes for one connection
    return http::streamed([](body_writer to) -> task<> {
      for (int i = 0; i < 500; ++i) co_await to.write(std::string(100'000, 'x'));
    });
  });
  o.routes.events("/events", [](sse::stream out) -> task<> {
    while (!out.life().draining() && co_await out.send({.data = std::string(10'000, 'x')})) {}
  });
  o.routes.events("/ticks", [](sse::stream out) -> task<> {
    while (co_await out.send({.data = "tick"}) && co_await out.wait_for(20ms)) {}
  });
  o.routes.get("/broken", [](const request&) {
    return http::streamed([](body_writer to) -> task<> {
      co_await to.write("some");
      throw std::runtime_error("no more");
    });
  });
  o.routes.post("/collected", [](const request& r) { return text(std::to_string(r.body().size())); });
  o.routes.post("/taken", [](const request&, body_stream in) -> task<response> {
    std::size_t size = 0;
    while (const auto piece = co_await in.read()) size += piece->size();
    co_return text(std::to_string(size));
  });
  o.routes.post("/taken_blocking", blocking([](const request&, body_stream in) {
                  std::size_t size = 0;
                  while (const auto piece = in.read_blocking()) size += piece->size();
                  return text(std::to_string(size));
                }));
  return o;
}

/// What is accepted from now on takes a little into its kernel: the end of 32 KiB has to wait.
void accept_with_little_room(serving_test& t) {
  for (int fd = 0; fd < 1024; ++fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    sockaddr_in name{};
    socklen_t name_size = sizeof name;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &name_size) != 0 ||
        ntohs(name.sin_port) != t.it.addresses().at(0).port())
      continue;
    const int little = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
  }
}

TEST(h2_connection, serves_handlers_of_every_form_at_once) {
  serving_test t(every_form());
  conversation c(t);
  c.client.say(ask(1, "/plain") + ask(3, "/coroutine") + ask(5, "/responder") + ask(7, "/blocking"));
  c.hear(4);
  EXPECT_EQ(c.body[1], "a");
  EXPECT_EQ(c.body[3], "coroutine");
  EXPECT_EQ(c.body[5], "responder");
  EXPECT_EQ(c.body[7], "blocking");
  EXPECT_TRUE(t.eventually([&] { return t.it.requests().answered == 4; }));
}

TEST(h2_connection, takes_bodies_of_every_form) {
  serving_test t(every_form());
  conversation c(t);
  c.client.say(post(1, "/collected", "abc") + post(3, "/taken", "abcd") + post(5, "/taken_blocking", "abcde"));
  c.hear(3);
  EXPECT_EQ(c.body[1], "3");
  EXPECT_EQ(c.body[3], "4");
  EXPECT_EQ(c.body[5], "5");
}

TEST(h2_connection, waits_for_the_window_of_its_client) {
  serving_test t(every_form());
  conversation c(t);
  c.client.say(ask(1, "/made"));
  while (c.body[1].size() < 65'535 && c.hear_one()) {}
  EXPECT_EQ(c.body[1].size(), 65'535U);
  const std::string more{0, 2, 0, 0};
  c.client.say(frame(8, 0, 0, more) + frame(8, 0, 1, more));
  while (c.body[1].size() < 65'535 + 0x20000 && c.hear_one()) {}
  c.client.say(frame(8, 0, 0, more) + frame(8, 0, 1, more));
  c.hear(1);
  EXPECT_EQ(c.body[1].size(), 200'000U);
}

TEST(h2_connection, resets_a_stream_whose_client_gives_no_window_and_serves_others) {
  auto o = every_form();
  o.limits.write_time = 100ms;
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(frame(8, 0, 0, {0, 2, 0, 0}) + ask(1, "/made"));  // for the connection alone
  while (c.resets < 1 && c.hear_one()) {}
  EXPECT_EQ(c.resets, 1);
  EXPECT_EQ(c.body[1].size(), 65'535U);
  c.client.say(ask(3, "/plain"));
  c.hear(1);
  EXPECT_EQ(c.body[3], "a");
  EXPECT_TRUE(t.eventually([&] {
    return t.it.requests() == request_ledger{.begun = 2, .answered = 1, .abandoned_by_client = 1};
  })) << t.it.requests().abandoned_by_client;
}

TEST(h2_connection, cuts_a_client_that_takes_nothing) {
  auto o = every_form();
  o.limits.write_time = 100ms;
  serving_test t(std::move(o));
  conversation c(t, 4096);
  c.client.say(open_wide + ask(1, "/huge"));
  EXPECT_TRUE(t.eventually([&] { return t.it.connections().timed_out == 1; }));
  EXPECT_EQ(t.it.requests(), (request_ledger{.begun = 1, .abandoned_by_client = 1}));
}

TEST(h2_connection, keeps_a_client_that_reads_slowly) {
  auto o = every_form();
  o.limits.write_time = 1s;
  serving_test t(std::move(o));
  conversation c(t, 4096);
  c.client.say(open_wide + ask(1, "/huge"));
  // As much as the kernel holds for it would take longer than write_time to make room.
  for (const auto by = steady().now() + 2500ms; steady().now() < by; std::this_thread::sleep_for(20ms))
    c.client.hear_bytes(4096);
  EXPECT_EQ(t.it.connections().timed_out, 0U);
  EXPECT_EQ(t.it.requests().abandoned_by_client, 0U);
}

/// Reads slowly and gives the connection as much window as it has read, and no stream but 3, until the end or a reset.
void hear_slowly(conversation& c, duration time) {
  for (const auto by = steady().now() + time; steady().now() < by && c.resets == 0;) {
    const std::size_t before = c.body[1].size() + c.body[3].size();
    if (!c.hear_one()) return;
    const std::size_t heard = c.body[1].size() + c.body[3].size() - before;
    if (heard == 0) continue;
    const std::string more{0, 0, static_cast<char>(heard >> 8), static_cast<char>(heard)};
    c.client.say(frame(8, 0, 0, more) + frame(8, 0, 3, more));
    std::this_thread::sleep_for(5ms);
  }
}

TEST(h2_connection, resets_no_stream_that_waits_for_others) {
  auto o = every_form();
  o.limits.write_time = 500ms;
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(ask(1, "/made", "GET", 5, field("priority", "u=7")) + ask(3, "/huge"));
  hear_slowly(c, 1500ms);
  EXPECT_EQ(c.resets, 0);
  EXPECT_EQ(c.body[1].size(), 0U) << "its client asks for it last";
  EXPECT_GT(c.body[3].size(), 0U);
}

TEST(h2_connection, resets_a_stream_without_a_window_while_others_move) {
  auto o = every_form();
  o.limits.write_time = 100ms;
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(ask(1, "/made") + ask(3, "/huge"));
  hear_slowly(c, 10s);
  EXPECT_EQ(c.resets, 1);
  EXPECT_EQ(c.body[1].size(), 65'535U);
}

TEST(h2_connection, resets_a_stream_whose_body_breaks_and_nothing_else) {
  serving_test t(every_form());
  conversation c(t);
  c.client.say(ask(1, "/broken") + ask(3, "/plain"));
  while ((c.ended < 1 || c.resets < 1) && c.hear_one()) {}
  EXPECT_EQ(c.resets, 1);
  EXPECT_EQ(c.body[3], "a");
  EXPECT_TRUE(t.eventually([&] { return t.it.requests().broken == 1 && t.it.requests().answered == 1; }));
}

TEST(h2_connection, rejects_requests_that_are_malformed) {
  serving_test t(every_form());
  conversation c(t);
  c.client.say(ask(1, "/plain", "GET", 5, field("connection", "close")) +
               ask(3, "/plain", "GET", 5, field("X-Y", "z")) +
               ask(5, "/taken", "POST", 4, field("content-length", "10")) + frame(0, 1, 5, "abc"));
  while (c.resets < 3 && c.hear_one()) {}
  EXPECT_TRUE(t.eventually([&] { return t.it.requests() == request_ledger{.begun = 3, .rejected = 3}; }));
  c.client.say(ask(7, "/taken", "POST", 4) + frame(3, 0, 7, {0, 0, 0, 1}));  // for a reason of its client's own
  EXPECT_TRUE(t.eventually(
      [&] { return t.it.requests() == request_ledger{.begun = 4, .rejected = 3, .abandoned_by_client = 1}; }));
}

TEST(h2_connection, resets_a_broken_body_at_once_though_its_client_gives_no_window) {
  auto o = every_form();
  o.routes.get("/fills_and_breaks", [](const request&) {
    return http::streamed([](body_writer to) -> task<> {
      co_await to.write(std::string(65'535, 'x'));
      throw std::runtime_error("no more");
    });
  });
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(ask(1, "/fills_and_breaks"));
  const auto asked = steady().now();
  while (c.resets < 1 && c.hear_one()) {}
  EXPECT_EQ(c.resets, 1);
  EXPECT_LT(steady().now() - asked, 10s) << "write_time is 30 s";
  EXPECT_TRUE(t.eventually([&] { return t.it.requests() == request_ledger{.begun = 1, .broken = 1}; }));
}

TEST(h2_connection, counts_only_what_the_drain_cuts_as_forced) {
  auto o = every_form();
  std::optional<responder> kept;
  std::atomic<bool> inside = false;
  o.routes.get("/kept", [&](const request&, responder r) {
    kept.emplace(std::move(r));
    inside = true;
  });
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(ask(1, "/taken", "POST", 4) + frame(0, 0, 1, "some") + ask(3, "/kept"));
  ASSERT_TRUE(t.eventually([&] { return inside.load(); }));
  t.drain(1s);
  std::jthread uploads([&](const std::stop_token& over) {
    while (!over.stop_requested()) {
      c.client.say(frame(0, 0, 1, "more"));
      std::this_thread::sleep_for(100ms);  // the pace of a slow client
    }
  });
  c.hear(1);
  uploads.request_stop();
  uploads.join();
  EXPECT_EQ(c.body[1], "the server is stopping\n");
  kept->send(text("in time"));
  c.hear(2);
  EXPECT_EQ(c.body[3], "in time");
  EXPECT_TRUE(t.eventually([&] { return t.it.requests() == request_ledger{.begun = 2, .answered = 1, .forced = 1}; }));
}

TEST(h2_connection, is_idle_from_the_end_of_its_last_stream_on) {
  auto o = every_form();
  o.limits.idle_close_after = 500ms;
  serving_test t(std::move(o));
  conversation c(t);
  c.client.say(ask(1, "/ticks"));
  for (const auto by = steady().now() + 600ms; steady().now() < by && c.hear_one();) {}
  const auto left = steady().now();
  c.client.say(frame(3, 0, 1, {0, 0, 0, 8}));
  while (c.hear_one()) {}
  EXPECT_EQ(c.goaways.size(), 1U);
  EXPECT_GE(steady().now() - left, 400ms);
}

TEST(h2_connection, says_goodbye_in_two_steps_and_ends_when_nothing_is_left) {
  serving_test t(every_form());
  conversation c(t);
  c.client.say(ask(1, "/plain"));
  c.hear(1);
  t.drain();
  while (c.hear_one()) {}  // until the server's end
  ASSERT_EQ(c.goaways.size(), 2U);
  EXPECT_EQ(c.goaways[0].substr(0, 4), (std::string{0x7f, '\xff', '\xff', '\xff'}));
  EXPECT_EQ(c.goaways[1].substr(0, 4), (std::string{0, 0, 0, 1}));
  c.client.close();
  EXPECT_TRUE(t.wait_drained());
  EXPECT_EQ(t.it.connections().closed_clean, 1U);
}

/// A reader of events takes no more of them; once told of the drain it is not waited for until its end.
void expect_a_standing_reader_is_left(conversation& c, serving_test& t) {
  c.client.say(ask(1, "/events"));
  while (c.body[1].empty() && c.hear_one()) {}
  t.drain(1s);
  EXPECT_TRUE(t.wait_drained());
  EXPECT_EQ(t.it.connections().timed_out, 1U);
  EXPECT_EQ(t.it.connections().forced, 0U);
}

TEST(h2_connection, leaves_a_reader_of_events_that_opens_no_window) {
  serving_test t(every_form());
  conversation c(t);
  c.client.say(frame(8, 0, 0, {0x7f, 0, 0, 0}));
  expect_a_standing_reader_is_left(c, t);
}

TEST(h2_connection, leaves_a_reader_of_events_that_reads_nothing) {
  serving_test t(every_form());
  accept_with_little_room(t);
  conversation c(t, 4096);
  c.client.say(open_wide);
  expect_a_standing_reader_is_left(c, t);
}

TEST(h2_connection, counts_a_response_whose_end_waits_for_room_as_the_last_one_as_answered) {
  serving_test t(every_form());
  accept_with_little_room(t);
  conversation c(t, 4096);
  c.client.say(frame(4, 0, 0, {0, 4, 0, 0, 0, 0}) + frame(8, 0, 0, {0x7f, 0, 0, 0}) + ask(1, "/32k"));
  EXPECT_TRUE(t.eventually([&] { return t.it.requests().begun == 1; }));
  t.drain();
  while (c.goaways.size() < 2 && c.hear_one()) {}
  c.client.say(frame(8, 0, 1, {0, 0, '\x80', 0}));
  c.hear(1);
  EXPECT_EQ(c.body[1].size(), 32'768U);
  c.client.close();
  EXPECT_TRUE(t.wait_drained());
  EXPECT_EQ(t.it.requests(), (request_ledger{.begun = 1, .answered = 1}));
}

TEST(h2_connection, counts_a_response_whose_client_has_said_goodbye_as_answered) {
  serving_test t(every_form());
  accept_with_little_room(t);
  conversation c(t, 4096);
  c.client.say(open_wide + ask(1, "/32k") + frame(7, 0, 0, std::string(8, '\0')));
  c.hear(1);
  EXPECT_EQ(c.body[1].size(), 32'768U);
  EXPECT_TRUE(t.eventually([&] { return t.it.requests() == request_ledger{.begun = 1, .answered = 1}; }));
}

TEST(h2_connection, is_not_spoken_where_nobody_asked_for_it) {
  auto o = every_form();
  o.h2c = false;
  serving_test t(std::move(o));
  auto c = t.enters();
  c.say(begin);
  EXPECT_EQ(next_reply(c).status, 505);
}

}  // namespace lastcall::http::detail::h2_connection_test
