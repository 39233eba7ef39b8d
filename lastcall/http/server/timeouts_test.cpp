// What becomes of a request whose timeout passes while its handler is at work, over HTTP/1.1 and HTTP/2: its client,
// its connection, its handler, and the ledger. What both protocols say of each form is in the parity table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/http/h2/h2_conversation_test.hpp"
#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/http/sse/events.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::http::timeouts_test {

using namespace std::chrono_literals;
using detail::h2_conversation_test::conversation;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_net::generous;

/// What handlers and test tell each other.
struct desk {
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(what));
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  bool wait() const { return go->wait_until(steady().now() + generous); }

  std::shared_ptr<countdown> go = std::make_shared<countdown>(1);  // for handlers that look at nothing

 private:
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

struct serving : desk, serving_test {
  explicit serving(server_options o = {}) : serving_test(with_routes(std::move(o))) {}
  ~serving() { go->count_down(); }
  serving& operator=(serving&&) = delete;

  server_options with_routes(server_options o) {
    o.h2c = true;
    router& r = o.routes;
    r.get("/", [](const request&) { return text("hello\n"); });
    r.get("/deaf/{name}", blocking([this](const request& q) { return is_deaf(q); }));
    r.group("/late", [this](router& late) {
      late.use(timeout(30ms));
      late.get("/deaf/{name}", blocking([this](const request& q) { return is_deaf(q); }));
      late.get("/throws", [this](const request&, context c) -> task<response> {
        co_await net::wait_until_forced_for(c, generous);
        note(to_text(c.cause()));
        throw std::runtime_error("planned");
      });
      late.get("/plain", [this](const request&, const context& c) {
        const bool bounded = c.remaining() <= 30ms && c.end() != time_point::max();
        c.wait_until_forced_for(generous);
        note(std::string(bounded ? "bounded, " : "") + to_text(c.cause()));
        return text("too late");
      });
      late.get("/responder", [this](const request&, responder to) {
        const std::lock_guard lock(kept_mutex);
        kept.push_back(std::move(to));
      });
      late.get("/around/deaf/{name}",
               around([](const request&, const context&, const next_handler& go_on) -> task<response> {
                 co_return co_await go_on();
               })(blocking([this](const request& q) { return is_deaf(q); })));
      late.events("/events", [](sse::stream out) -> task<> {
        for (int i = 0; i < 2 && co_await out.wait_for(100ms); ++i) co_await out.send({.data = "still here"});
      });
      late.get("/own", handler([](const request&, context c) {
                         return text(c.remaining() > 1s ? "longer" : "not longer");
                       }).timeout(generous));
    });
    // These must have begun before their time is up, also where the machine is busy.
    r.group("/begun", [this](router& late) {
      late.use(timeout(2s));
      late.get("/deaf/{name}", blocking([this](const request& q) { return is_deaf(q); }));
      late.get("/blocking", blocking([this](const request&, context c) {
                 const bool bounded = c.remaining() <= 2s;
                 c.wait_until_forced_for(generous);
                 note(std::string(bounded ? "bounded, " : "") + to_text(c.cause()));
                 return text("too late");
               }));
      late.get("/around", around([](const request&, const context&, const next_handler& go_on) -> task<response> {
                 co_return co_await go_on();
               })(blocking([this](const request&) {
                 wait();
                 note("inner");
                 return text("too late");
               })));
      late.post("/taken", [this](const request&, body_stream in) -> task<response> {
        try {
          while (co_await in.read()) note("piece");
        } catch (const body_error& error) {
          note("error " + std::to_string(error.status()));
        }
        co_return text("too late");
      });
      late.post("/taken_blocking", blocking([this](const request&, body_stream in) {
                  const auto piece = in.read_blocking();
                  note("piece");
                  wait();
                  note("still " + std::string(piece.value_or("")));
                  return text("too late");
                }));
      late.get("/made", [this](const request&) {
        return streamed([this](body_writer to) -> task<> {
          while (co_await to.write("drip")) co_await net::wait_until_forced_for({}, 5ms);
          note("nothing more can be sent");
        });
      });
    });
    r.group("/outer", [](router& outer) {
      outer.use(timeout(generous));
      outer.group("/inner", [](router& inner) {
        inner.use(timeout(30ms));
        inner.get("", [](const request&, context c) -> task<response> {
          co_await net::wait_until_forced_for(c, generous);
          co_return text("too late");
        });
      });
    });
    r.get("/remaining", [](const request&, const context& c) { return text(std::to_string(c.remaining_ms())); });
    return o;
  }

  response is_deaf(const request& q) {
    ++inside;
    wait();
    note("deaf " + std::string(q.param("name")) + " " + std::string(q.header("X-Who")));
    return text("too late");
  }

  std::atomic<int> inside = 0;
  std::mutex kept_mutex;
  std::vector<responder> kept;
};

/// A server of which all is known when it has drained.
request_ledger counted(serving& s) {
  s.go->count_down();
  s.drain();
  EXPECT_TRUE(s.wait_drained());
  EXPECT_TRUE(s.it.requests().adds_up());
  return s.it.requests();
}

TEST(timeouts, tell_the_client_504_and_drop_what_the_handler_says_later) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/begun/deaf/first", "X-Who: me\r\n"));
  const reply told = next_reply(c);
  EXPECT_EQ(told.status, 504);
  EXPECT_THAT(told.body, HasSubstr("took too long"));
  EXPECT_FALSE(told.closes());
  // The handler is still at work, and the connection goes on: its buffer has other requests by now.
  for (int i = 0; i < 3; ++i) {
    c.say(request_for("/", "X-Who: somebody else of a longer name\r\n"));
    EXPECT_EQ(next_reply(c).body, "hello\n");
  }
  s.go->count_down();
  EXPECT_TRUE(s.eventually([&] { return !s.notes().empty(); }));
  EXPECT_THAT(s.notes(), ElementsAre("deaf first me")) << "its request stayed as it was";
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).body, "hello\n") << "and not what was too late";
  c.close();
  EXPECT_EQ(counted(s), (request_ledger{.begun = 5, .answered = 4, .timed_out = 1}));
}

TEST(timeouts, keep_the_order_of_a_pipeline) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/") + request_for("/late/deaf/a") + request_for("/late/deaf/b") + request_for("/"));
  EXPECT_EQ(next_reply(c).status, 200);
  EXPECT_EQ(next_reply(c).status, 504);
  EXPECT_EQ(next_reply(c).status, 504);
  EXPECT_EQ(next_reply(c).status, 200);
  c.close();
  EXPECT_EQ(counted(s), (request_ledger{.begun = 4, .answered = 2, .timed_out = 2}));
}

TEST(timeouts, end_a_stream_of_http2_and_no_other) {
  serving s;
  conversation c(s);
  c.client.say(detail::h2_conversation_test::ask(1, "/late/deaf/one") + detail::h2_conversation_test::ask(3, "/"));
  c.hear(2);
  EXPECT_THAT(c.body[1], HasSubstr("504 Gateway Timeout"));
  EXPECT_EQ(c.body[3], "hello\n");
  EXPECT_TRUE(s.notes().empty()) << "it is still at work";
  c.client.say(detail::h2_conversation_test::ask(5, "/"));
  c.hear(3);
  s.go->count_down();
  c.leaves(s);
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 3, .answered = 2, .timed_out = 1}));
  EXPECT_EQ(c.resets, 0);
}

TEST(timeouts, force_the_context_of_a_handler_with_their_cause) {
  for (const char* target : {"/late/plain", "/begun/blocking"}) {
    serving s;
    EXPECT_EQ(s.get(target).status, 504);
    EXPECT_TRUE(s.eventually([&] { return !s.notes().empty(); }));
    EXPECT_THAT(s.notes(), ElementsAre("bounded, deadline")) << target;
    EXPECT_EQ(counted(s).timed_out, 1u);
  }
}

TEST(timeouts, drop_an_exception_as_well) {
  serving s;
  EXPECT_EQ(s.get("/late/throws").status, 504);
  EXPECT_TRUE(s.eventually([&] { return !s.notes().empty(); }));
  EXPECT_THAT(s.notes(), ElementsAre("deadline"));
  EXPECT_EQ(counted(s), (request_ledger{.begun = 1, .timed_out = 1}));
}

TEST(timeouts, leave_a_responder_nothing_to_answer) {
  serving s;
  EXPECT_EQ(s.get("/late/responder").status, 504);
  {
    const std::lock_guard lock(s.kept_mutex);
    EXPECT_TRUE(s.kept.at(0).gone());
    s.kept.at(0).send(text("too late"));
  }
  EXPECT_EQ(counted(s), (request_ledger{.begun = 1, .timed_out = 1}));
}

TEST(timeouts, hold_for_what_stands_behind_an_around) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/begun/around"));
  EXPECT_EQ(next_reply(c).status, 504);
  c.say(request_for("/"));
  EXPECT_EQ(next_reply(c).status, 200);
  c.close();
  EXPECT_EQ(counted(s), (request_ledger{.begun = 2, .answered = 1, .timed_out = 1}));
  EXPECT_TRUE(s.eventually([&] { return !s.notes().empty(); })) << "it goes on until it returns";
}

void begins_no_handler_that_still_waits_for_a_thread(const char* target) {
  server_options o;
  o.blocking = {.threads = 1, .queue = 10};
  serving s(std::move(o));
  auto first = s.enters(), third = s.enters();
  first.say(request_for("/deaf/first"));
  EXPECT_TRUE(s.eventually([&] { return s.inside == 1; }));
  EXPECT_EQ(s.get(target).status, 504);
  third.say(request_for("/deaf/third"));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().begun == 3; }));
  s.go->count_down();
  EXPECT_EQ(next_reply(first).status, 200);
  EXPECT_EQ(next_reply(third).status, 200) << "it stood behind the second";
  EXPECT_THAT(s.notes(), ElementsAre("deaf first ", "deaf third "));
  first.close();
  third.close();
  EXPECT_EQ(counted(s), (request_ledger{.begun = 3, .answered = 2, .timed_out = 1}));
}

TEST(timeouts, begin_no_handler_that_still_waits_for_a_thread) {
  begins_no_handler_that_still_waits_for_a_thread("/late/deaf/second");
}
TEST(timeouts, begin_none_behind_an_around) {
  begins_no_handler_that_still_waits_for_a_thread("/late/around/deaf/second");
}

TEST(timeouts, close_a_connection_whose_body_nobody_reads_to_its_end) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/begun/taken", "Content-Length: 100\r\n", "POST") + "12345");
  const reply told = next_reply(c);
  EXPECT_EQ(told.status, 504);
  EXPECT_TRUE(told.closes());
  EXPECT_TRUE(s.eventually([&] { return s.notes().size() == 2; }));
  EXPECT_THAT(s.notes(), ElementsAre("piece", "error 0")) << "it reads no more";
  c.close();
  EXPECT_EQ(counted(s), (request_ledger{.begun = 1, .timed_out = 1}));
}

TEST(timeouts, leave_a_thread_the_piece_that_it_has_read) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/begun/taken_blocking", "Content-Length: 100\r\n", "POST") + "12345");
  EXPECT_EQ(next_reply(c).status, 504);
  c.say(std::string(95, 'x'));  // which nobody reads
  s.go->count_down();
  EXPECT_TRUE(s.eventually([&] { return s.notes().size() == 2; }));
  EXPECT_THAT(s.notes(), ElementsAre("piece", "still 12345"));
  c.close();
  EXPECT_EQ(counted(s), (request_ledger{.begun = 1, .timed_out = 1}));
}

TEST(timeouts, cut_a_body_so_that_its_client_sees_it) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/begun/made"));
  auto old = s.enters();  // its body ends with the connection, so only a reset can show that it is not whole
  old.say("GET /begun/made HTTP/1.0\r\n\r\n");
  conversation h2(s);
  h2.client.say(detail::h2_conversation_test::ask(1, "/begun/made"));

  EXPECT_THAT(c.hear_until("\r\n\r\n"), HasSubstr("200"));
  const std::string rest = c.hear_all();
  EXPECT_THAT(rest, HasSubstr("drip"));
  EXPECT_EQ(rest.find("\r\n0\r\n"), std::string::npos) << "no last chunk";
  EXPECT_THAT(old.hear_until("never"), HasSubstr("drip"));
  EXPECT_EQ(old.heard_error(), ECONNRESET);
  while (h2.resets == 0 && h2.hear_one()) {}
  EXPECT_EQ(h2.resets, 1);
  EXPECT_EQ(h2.ended, 0);
  EXPECT_TRUE(s.eventually([&] { return s.notes().size() == 3; })) << "and their makers learn of it";
  c.close();
  old.close();
  h2.leaves(s);
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 3, .timed_out = 3}));
}

TEST(timeouts, do_not_end_what_goes_on_for_as_long_as_the_client_likes) {
  serving s;
  const reply told = s.get("/late/events");
  EXPECT_EQ(told.status, 200);
  EXPECT_THAT(told.body, HasSubstr("still here"));
  EXPECT_EQ(counted(s).timed_out, 0u);
}

TEST(timeouts, of_routes_win_over_those_around_them_and_the_inner_over_the_outer) {
  serving s;
  EXPECT_EQ(s.get("/late/own").body, "longer");
  EXPECT_EQ(s.get("/outer/inner").status, 504);
  EXPECT_THROW(handler([](const request&) { return text(""); }).timeout(0ms), std::invalid_argument);
  EXPECT_THROW(timeout(25h), std::invalid_argument);
}

TEST(timeouts, of_clients_are_read_where_the_server_names_a_header) {
  EXPECT_EQ(serving().get("/remaining", "X-Timeout: 50\r\n").body, serving().get("/remaining").body);
  server_options o;
  o.timeout_header = "X-Timeout";
  serving s(std::move(o));
  EXPECT_LE(std::stoi(s.get("/remaining", "X-Timeout: 5000\r\n").body), 5000);
  EXPECT_LE(std::stoi(s.get("/remaining", "x-timeout: 5S\r\n").body), 5000);
  EXPECT_GT(std::stoi(s.get("/remaining").body), 5000);
  EXPECT_EQ(s.get("/late/deaf/x", "X-Timeout: 10000\r\n").status, 504) << "it can only shorten it";
  const reply wrong = s.get("/remaining", "X-Timeout: 0\r\n");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("malformed timeout"));

  o = {};
  o.timeout_header = "not a name";
  EXPECT_THROW(serving{std::move(o)}, std::invalid_argument);
}

}  // namespace lastcall::http::timeouts_test
