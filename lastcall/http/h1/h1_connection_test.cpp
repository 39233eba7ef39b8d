#include "lastcall/http/h1/h1_connection.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/core/countdown.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::h1_connection_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing_net::client;
using testing_net::generous;

/// Responders that handlers have put aside for the test to answer.
class kept_responders {
 public:
  void keep(const request& r, responder answer) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(&r);
    all_.push_back(std::move(answer));
    changed_.notify_all();
  }
  /// The n-th, from 0; waits until it is there.
  responder& at(std::size_t n) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, generous, [&] { return all_.size() > n; }));
    return all_.at(n);
  }
  const request& request_at(std::size_t n) {
    at(n);
    return *requests_.at(n);
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<responder> all_;
  std::vector<const request*> requests_;
};

/// A server with the routes that the tests need.
struct serving : serving_test {
  explicit serving(server_options o = {}) : serving_test(with_routes(std::move(o))) {}

  server_options with_routes(server_options o) {
    o.routes.get("/", [](const request&) { return text("hello\n"); });
    o.routes.get("/n/{n}", [](const request& r) { return text(std::string(r.param("n"))); });
    o.routes.post("/echo", [](const request& r) { return text(std::string(r.body())); });
    o.routes.get("/later", [this](const request& r, responder a) { later.keep(r, std::move(a)); });
    o.routes.get("/later/{n}", [this](const request& r, responder a) { later.keep(r, std::move(a)); });
    o.routes.post("/later", [this](const request& r, responder a) { later.keep(r, std::move(a)); });
    o.routes.get("/dropped", [](const request&, responder) {});
    o.routes.get("/throws", [](const request&) -> response { throw std::runtime_error("no"); });
    o.routes.get("/throws-7", [](const request&) -> response { throw 7; });
    o.routes.get("/throws-later", [](const request&, responder) { throw std::runtime_error("no"); });
    o.routes.get("/big", [this](const request& r) {
      ++bigs;
      return text(std::string(std::stoul(r.query("bytes").value_or("8000000")), 'x'));
    });
    return o;
  }

  kept_responders later;
  std::atomic<int> bigs{0};
};

reply ask(client& c, std::string_view bytes) {
  c.say(bytes);
  return next_reply(c);
}

/// Whether nothing comes from the server, not even its end, for so long.
bool quiet_for(const client& c, std::chrono::milliseconds time) {
  pollfd p{.fd = c.fd(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return ::poll(&p, 1, static_cast<int>(time.count())) == 0;
}

TEST(h1_connection, answers_and_keeps_the_connection) {
  serving s;
  auto c = s.enters();
  for (int i = 0; i < 3; ++i) {
    const reply r = ask(c, request_for("/"));
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "hello\n");
    EXPECT_THAT(r.head, AllOf(HasSubstr("\r\nDate: "), HasSubstr("\r\nContent-Length: 6\r\n")));
    EXPECT_FALSE(r.closes());
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 3; }));
  EXPECT_EQ(s.it.connections().accepted, 1U);
}

TEST(h1_connection, keeps_a_served_connection_for_longer_than_a_newcomer_may_take) {
  serving s({.limits = {.head_time = 50ms}});
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(quiet_for(c, 200ms)) << "closed as if it had said nothing";
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
}

TEST(h1_connection, closes_an_idle_connection_after_its_time_without_an_answer) {
  serving s({.limits = {.idle_time = 30ms}});
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0);
  c.close();
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_clean == 1; }));
}

TEST_BY_MEDIAN(h1_connection, counts_idleness_from_each_answer_on) {
  server_options o;
  o.limits.idle_time = 600ms;
  serving s(std::move(o));
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(quiet_for(c, 450ms));
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(quiet_for(c, 450ms)) << "the time of the first answer was over";
  EXPECT_EQ(c.hear_until("never"), "");
}

TEST(h1_connection, closes_when_asked_to) {
  serving s;
  auto c = s.enters();
  const reply r = ask(c, request_for("/", "Connection: close\r\n"));
  EXPECT_EQ(r.body, "hello\n");
  EXPECT_TRUE(r.closes());
  EXPECT_EQ(c.hear_all(), "");
}

TEST(h1_connection, reads_nothing_behind_a_request_that_asks_to_close) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/", "Connection: close\r\n") + request_for("/n/2"));
  EXPECT_TRUE(next_reply(c).closes());
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0);
  EXPECT_EQ(s.it.requests().begun, 1U);
}

TEST(h1_connection, serves_http_1_0_clients_as_they_expect) {
  serving s;
  auto once = s.enters();
  const reply last = ask(once, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(last.body, "hello\n");
  EXPECT_TRUE(last.closes());
  EXPECT_EQ(once.hear_all(), "");

  auto kept = s.enters();
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(ask(kept, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head,
                HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(h1_connection, answers_head_with_the_length_only) {
  serving s;
  auto c = s.enters();
  c.say("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + request_for("/n/2"));
  EXPECT_THAT(next_reply(c, true).head, HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_EQ(next_reply(c).body, "2");
}

TEST(h1_connection, answers_a_pipeline_in_order_and_sends_it_at_once) {
  serving s;
  auto c = s.enters();
  std::string all;
  for (int i = 0; i < 16; ++i) all += request_for("/n/" + std::to_string(i));  // as many as one turn answers
  c.say(all);
  std::string piece(1 << 20, 0);
  pollfd p{.fd = c.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&p, 1, 10'000), 1);
  const ssize_t n = ::recv(c.fd(), piece.data(), piece.size(), 0);
  ASSERT_GT(n, 0);
  piece.resize(static_cast<std::size_t>(n));
  std::size_t at = 0;
  for (int i = 0; i < 16; ++i) {
    at = piece.find("\r\n\r\n" + std::to_string(i), at);
    ASSERT_NE(at, std::string::npos) << "response " << i << " is not in the first piece, or not in order";
    at += 4;
  }
}

TEST(h1_connection, forgets_nothing_of_a_pipeline_that_goes_on_while_it_is_answered) {
  constexpr int burst = 18;  // two more than one turn answers
  std::atomic<client*> asks = nullptr;
  const auto say = [&](int from) {
    std::string all;
    for (int i = from; i < from + burst; ++i) all += request_for("/count/" + std::to_string(i));
    asks.load()->say(all);
  };
  server_options o;
  o.routes.get("/count/{n}", [&](const request& r) {
    const int n = std::stoi(std::string(r.param("n")));
    if (n == 15) say(burst);  // it is here when the rest of the first is answered
    return text(std::to_string(n));
  });
  serving s(std::move(o));
  auto c = s.enters();
  asks = &c;
  say(0);
  for (int i = 0; i < 2 * burst; ++i) ASSERT_EQ(next_reply(c).body, std::to_string(i));
}

TEST(h1_connection, keeps_the_order_of_a_pipeline_around_a_handler_that_answers_later) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/n/1") + request_for("/later") + request_for("/n/3") + request_for("/later") +
        request_for("/n/5"));
  EXPECT_EQ(next_reply(c).body, "1");
  s.later.at(0).send(text("2"));
  EXPECT_EQ(next_reply(c).body, "2");
  EXPECT_EQ(next_reply(c).body, "3");
  EXPECT_TRUE(c.silent());
  s.later.at(1).send(text("4"));
  EXPECT_EQ(next_reply(c).body, "4");
  EXPECT_EQ(next_reply(c).body, "5");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 5; }));
}

TEST(h1_connection, sends_a_later_answer_behind_the_unsent_rest_of_an_earlier_one) {
  serving s;
  auto c = s.enters(4096);
  // Not so much that the rest of the pipeline has to wait, and more than a client takes that reads nothing.
  c.say(request_for("/big?bytes=250000") + request_for("/later") + request_for("/n/3"));
  s.later.at(0).send(text("behind"));
  auto other = s.enters();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask(other, request_for("/")).status, 200);
  const reply big = next_reply(c);
  EXPECT_EQ(big.body.size(), 250'000U);
  EXPECT_EQ(big.body.find_first_not_of('x'), std::string::npos);
  EXPECT_EQ(next_reply(c).body, "behind");
  EXPECT_EQ(next_reply(c).body, "3");
}

TEST(h1_connection, makes_no_more_responses_of_a_pipeline_than_its_client_takes) {
  serving s;
  auto c = s.enters(4096);
  std::string all;
  for (int i = 0; i < 50; ++i) all += request_for("/big?bytes=4000000");
  c.say(all);
  ASSERT_TRUE(s.eventually([&] { return s.bigs > 0; }));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask(*std::make_unique<client>(s.it.addresses()[0]), request_for("/")).status, 200);
  EXPECT_LT(s.bigs, 10) << "they wait in memory";
  for (int i = 0; i < 50; ++i) ASSERT_EQ(next_reply(c).body.size(), 4'000'000U) << i;
}

TEST(h1_connection, serves_a_pipeline_longer_than_its_buffer) {
  serving s;
  auto c = s.enters();
  std::string all;
  for (int i = 0; i < 3000; ++i) all += request_for("/n/" + std::to_string(i));  // about 100 KB
  std::thread sender([&] { EXPECT_EQ(c.say(all), all.size()); });
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(next_reply(c).body, std::to_string(i));
  sender.join();
}

TEST(h1_connection, skips_blank_lines_before_a_request) {
  serving s;
  auto c = s.enters();
  EXPECT_EQ(ask(c, "\r\n\r\n" + request_for("/n/1")).body, "1");
  c.say("\r\n");
  EXPECT_EQ(ask(c, request_for("/n/2")).body, "2");
  EXPECT_EQ(s.it.requests().begun, 2U);
}

TEST(h1_connection, reads_a_body_cut_at_every_byte) {
  serving s;
  auto c = s.enters();
  const std::string sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: "
      "v\r\n\r\n";
  for (const std::string& message : {sized, chunked}) {
    for (std::size_t at = 1; at < message.size(); ++at) {
      c.say(std::string_view(message).substr(0, at));
      c.say(std::string_view(message).substr(at));
      ASSERT_EQ(next_reply(c).body, "hello") << "cut at " << at;
    }
    for (const char byte : message) c.say(std::string_view(&byte, 1));
    ASSERT_EQ(next_reply(c).body, "hello") << "byte by byte";
  }
}

TEST(h1_connection, reads_a_body_larger_than_its_buffer_and_then_the_next_request) {
  serving s;
  auto c = s.enters();
  const std::string body(1'000'000, 'b');
  const std::string all =
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + body + request_for("/n/2");
  std::thread sender([&] { EXPECT_EQ(c.say(all), all.size()); });
  EXPECT_EQ(next_reply(c).body, body);
  EXPECT_EQ(next_reply(c).body, "2");
  sender.join();
}

TEST(h1_connection, says_continue_to_a_client_that_waits_for_it) {
  serving s;
  auto c = s.enters();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(ask(c, head).head, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(ask(c, "hello").body, "hello");
  EXPECT_EQ(ask(c, head + "again").body, "again") << "no need to say it when the body is here";
  EXPECT_EQ(s.it.requests().begun, 2U);
}

TEST(h1_connection, refuses_a_body_beyond_the_limit_before_it_is_sent) {
  serving s({.limits = {.body_bytes = 10}});
  auto c = s.enters();
  const reply r = ask(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(r.status, 413);
  EXPECT_TRUE(r.closes());
  EXPECT_EQ(c.hear_all(), "");
}

TEST(h1_connection, answers_413_to_a_client_that_goes_on_sending) {
  serving s({.limits = {.body_bytes = 10}});
  auto c = s.enters();
  c.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'b'));
  EXPECT_EQ(next_reply(c).status, 413);
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0) << "reset: the answer could have been lost";
}

TEST(h1_connection, refuses_what_it_cannot_read_and_closes) {
  serving s({.limits = {.head_bytes = 512}});
  const std::pair<int, std::string> refusals[] = {
      {400, "nonsense\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},  // no Host
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
      {414, "GET /" + std::string(600, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
      {431, request_for("/", "X: " + std::string(600, 'a') + "\r\n")},
      {501, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
  };
  std::uint64_t refused = 0;
  for (const auto& [status, bytes] : refusals) {
    auto c = s.enters();
    const reply r = ask(c, bytes);
    EXPECT_EQ(r.status, status) << bytes;
    EXPECT_TRUE(r.closes());
    EXPECT_EQ(c.hear_all(), "");
    EXPECT_EQ(c.heard_error(), 0);
    EXPECT_EQ(s.it.requests().rejected, ++refused);
  }
  EXPECT_TRUE(s.it.requests().adds_up());
}

TEST(h1_connection, answers_what_precedes_a_malformed_request_of_a_pipeline) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/n/1") + "nonsense\r\n\r\n" + request_for("/n/3"));
  EXPECT_EQ(next_reply(c).body, "1");
  EXPECT_EQ(next_reply(c).status, 400);
  EXPECT_EQ(c.hear_all(), "");
}

TEST(h1_connection, keeps_the_connection_after_404_and_405) {
  serving s;
  auto c = s.enters();
  EXPECT_EQ(ask(c, request_for("/nowhere")).status, 404);
  const reply r = ask(c, "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(r.status, 405);
  EXPECT_THAT(r.head, HasSubstr("\r\nAllow: "));
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(
      s.eventually([&] { return s.it.requests() == request_ledger{.begun = 3, .answered = 1, .rejected = 2}; }));
}

TEST(h1_connection, says_at_the_drain_end_that_it_is_the_server_who_cuts_a_body_that_comes_on) {
  router r;
  r.post("/", [](const request&) { return text("whole"); });
  serving_test s({.routes = std::move(r), .limits = {.body_bytes = 100'000'000}});
  client flows = s.enters(), creeps = s.enters();
  for (client* c : {&flows, &creeps}) c->say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n");
  std::this_thread::sleep_for(1500ms);  // so that what creeps is known to
  s.drain(1s);
  std::jthread both([&](const std::stop_token& over) {
    const std::string piece(20'000, 'x');
    while (!over.stop_requested()) {
      flows.say(piece);
      creeps.say("x");
      std::this_thread::sleep_for(5ms);
    }
  });
  EXPECT_EQ(next_reply(flows).status, 503);
  EXPECT_EQ(next_reply(creeps).status, 408);
  both.request_stop();
  both.join();
}

TEST(h1_connection, answers_408_to_a_head_and_a_body_that_take_too_long) {
  serving s({.limits = {.head_time = 40ms, .body_time = 40ms}});
  auto head = s.enters(), body = s.enters();
  head.say("GET / HT");
  body.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  for (client* c : {&head, &body}) {
    EXPECT_EQ(next_reply(*c).status, 408);
    EXPECT_EQ(c->hear_all(), "");
    c->close();
  }
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 2; }));
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 2, .rejected = 2}));
}

TEST(h1_connection, counts_a_request_that_its_client_left_unfinished) {
  serving s;
  auto c = s.enters();
  c.say("GET / HT");
  c.finish_sending();
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().abandoned_by_client == 1; }));
  EXPECT_TRUE(s.it.requests().adds_up());
}

TEST(h1_connection, answers_500_for_what_a_handler_throws_and_goes_on) {
  serving s;
  auto c = s.enters();
  for (const char* target : {"/throws", "/throws-7", "/throws-later", "/dropped"}) {
    EXPECT_EQ(ask(c, request_for(target)).status, 500) << target;
  }
  EXPECT_EQ(ask(c, request_for("/")).status, 200);
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 5; }));
}

TEST(h1_connection, takes_an_answer_from_any_thread_once) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/later"));
  responder& r = s.later.at(0);
  std::thread([&] {
    r.send(text("from afar"));
    EXPECT_THROW(r.send(text("again")), std::logic_error);
  }).join();
  EXPECT_EQ(next_reply(c).body, "from afar");
  EXPECT_EQ(ask(c, request_for("/")).body, "hello\n") << "nothing else was sent";
}

TEST(h1_connection, keeps_a_request_as_it_was_until_its_answer) {
  serving s;
  auto c = s.enters();
  c.say("POST /later?q=1 HTTP/1.1\r\nHost: there\r\nX-Note: kept\r\nContent-Length: 4\r\n\r\nbody");
  const request& r = s.later.request_at(0);
  c.say(request_for("/n/" + std::string(10'000, '9')) + request_for("/n/3"));  // more than the rest of the buffer
  auto other = s.enters();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask(other, request_for("/")).status, 200);
  EXPECT_EQ(r.body(), "body");
  EXPECT_EQ(r.header("x-note"), "kept");
  EXPECT_EQ(r.host(), "there");
  EXPECT_EQ(r.query("q"), "1");
  EXPECT_THAT(r.remote(), StartsWith("127.0.0.1:"));
  s.later.at(0).send(text("done"));
  EXPECT_EQ(next_reply(c).body, "done");
  EXPECT_EQ(next_reply(c).body.size(), 10'000U);
  EXPECT_EQ(next_reply(c).body, "3");
}

TEST(h1_connection, keeps_a_request_for_its_handler_although_the_client_has_gone) {
  serving s;
  auto c = s.enters();
  c.say("POST /later HTTP/1.1\r\nHost: there\r\nX-Note: kept\r\nContent-Length: 4\r\n\r\nbody");
  responder& answer = s.later.at(0);
  EXPECT_FALSE(answer.gone());
  c.reset();
  ASSERT_TRUE(s.eventually([&] { return answer.gone(); }));
  auto other = s.enters();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask(other, request_for("/")).status, 200);  // the connection is freed by now
  const request& r = s.later.request_at(0);
  EXPECT_EQ(r.body(), "body");
  EXPECT_EQ(r.header("x-note"), "kept");
  EXPECT_THAT(r.remote(), StartsWith("127.0.0.1:"));
  answer.send(text("nobody reads this"));
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().abandoned_by_client == 1; }));
}

TEST(h1_connection, lets_a_responder_outlive_its_server) {
  kept_responders kept;
  std::optional<client> c;
  {
    router routes;
    routes.get("/", [&](const request& r, responder a) { kept.keep(r, std::move(a)); });
    server it({.address = "127.0.0.1", .port = 0, .routes = std::move(routes)});
    it.start();
    for (int i = 0; i < 2; ++i) {
      c.emplace(it.addresses()[0]);
      c->say(request_for("/"));
      kept.at(static_cast<std::size_t>(i));
    }
    it.close();
  }
  EXPECT_TRUE(kept.at(0).gone());
  kept.at(0).send(text("too late"));
  kept.at(1) = responder();  // dropped
  EXPECT_EQ(c->hear_all(), "");
}

TEST(h1_connection, answers_a_half_closed_client_at_once_or_later) {
  serving s;
  auto at_once = s.enters(), later = s.enters();
  at_once.say(request_for("/n/1") + request_for("/n/2"));
  at_once.finish_sending();
  EXPECT_EQ(next_reply(at_once).body, "1");
  EXPECT_EQ(next_reply(at_once).body, "2");
  EXPECT_EQ(at_once.hear_all(), "");
  later.say(request_for("/later") + request_for("/n/2"));
  later.finish_sending();
  responder& r = s.later.at(0);
  EXPECT_FALSE(r.gone()) << "half-closed is not gone";
  r.send(text("1"));
  EXPECT_EQ(next_reply(later).body, "1");
  EXPECT_EQ(next_reply(later).body, "2");
  EXPECT_EQ(later.hear_all(), "");
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().closed_by_remote == 2; }));
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 4, .answered = 4}));
}

TEST(h1_connection, waits_for_a_slow_reader) {
  serving s;
  auto c = s.enters(4096);
  c.say(request_for("/big") + request_for("/n/2"));
  const reply big = next_reply(c);
  EXPECT_EQ(big.body.size(), 8'000'000U);
  EXPECT_EQ(next_reply(c).body, "2");
  EXPECT_TRUE(s.eventually([&] { return s.it.requests().answered == 2; }));
}

TEST(h1_connection, cuts_a_client_that_takes_nothing_of_its_response) {
  serving s({.limits = {.write_time = 50ms}});
  auto c = s.enters(4096);
  c.say(request_for("/big"));
  EXPECT_TRUE(s.eventually([&] { return s.it.connections().timed_out == 1; }));
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 1, .abandoned_by_client = 1}));
}

TEST_BY_MEDIAN(h1_connection, waits_for_a_client_that_reads_slowly_and_never_stops) {
  constexpr auto write_time = 300ms;
  serving s({.limits = {.write_time = write_time}});
  auto c = s.enters(32 * 1024);
  c.say(request_for("/big"));
  EXPECT_THAT(c.hear_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  // Far less in write_time than a third of what the kernel has taken, below which it announces no room.
  std::size_t heard = 0;
  for (const time_point until = steady().now() + 4 * write_time; steady().now() < until;) {
    heard += c.hear_bytes(2048).size();
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(s.it.connections().timed_out, 0U);
  EXPECT_EQ(heard + c.hear_bytes(8'000'000 - heard).size(), 8'000'000U);
}

TEST(h1_connection, draining_says_close_with_the_last_complete_request_of_a_pipeline_only) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/later") + request_for("/n/2") + request_for("/n/3"));
  s.later.at(0);
  s.drain();
  s.later.at(0).send(text("1"));
  EXPECT_FALSE(next_reply(c).closes());
  EXPECT_FALSE(next_reply(c).closes());
  const reply last = next_reply(c);
  EXPECT_EQ(last.body, "3");
  EXPECT_TRUE(last.closes());
  EXPECT_EQ(c.hear_all(), "");
  c.close();
  ASSERT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.connections(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(h1_connection, draining_answers_what_came_while_a_handler_was_at_work) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/later"));
  s.later.at(0);
  c.say(request_for("/n/2"));  // into the kernel: nobody reads before the answer
  s.drain();
  s.later.at(0).send(text("1"));
  EXPECT_FALSE(next_reply(c).closes());
  const reply last = next_reply(c);
  EXPECT_EQ(last.body, "2");
  EXPECT_TRUE(last.closes());
  EXPECT_EQ(c.hear_all(), "");
}

TEST(h1_connection, draining_waits_for_the_rest_of_a_request_that_has_begun) {
  serving s;
  auto c = s.enters();
  const std::string second = request_for("/n/2");
  c.say(request_for("/later") + second.substr(0, 10));
  s.later.at(0);
  s.drain();
  s.later.at(0).send(text("1"));
  EXPECT_FALSE(next_reply(c).closes());
  const reply last = ask(c, second.substr(10));
  EXPECT_EQ(last.body, "2");
  EXPECT_TRUE(last.closes());
  c.close();
  ASSERT_TRUE(s.wait_drained());
}

TEST(h1_connection, draining_answers_the_next_request_of_an_idle_client_with_close) {
  serving s({.silence = 5s});
  auto busy = s.enters(), idle = s.enters();
  busy.say(request_for("/later"));
  s.later.at(0);
  EXPECT_EQ(ask(idle, request_for("/")).status, 200);
  s.drain();
  EXPECT_EQ(client(s.it.addresses()[0]).error(), ECONNREFUSED);
  const reply r = ask(idle, request_for("/"));
  EXPECT_EQ(r.body, "hello\n");
  EXPECT_TRUE(r.closes());
  EXPECT_EQ(idle.hear_all(), "");
  idle.close();
  s.later.at(0).send(text("done"));
  const reply done = next_reply(busy);
  EXPECT_EQ(done.body, "done");
  EXPECT_TRUE(done.closes());
  busy.close();
  ASSERT_TRUE(s.wait_drained());
  EXPECT_TRUE(s.it.connections().adds_up());
  EXPECT_TRUE(s.it.requests().adds_up());
}

TEST(h1_connection, draining_treats_a_client_whose_head_was_out_already_as_idle) {
  serving s;
  auto c = s.enters(4096);
  c.say(request_for("/big"));
  ASSERT_EQ(c.hear_bytes(15), "HTTP/1.1 200 OK");
  s.drain();
  EXPECT_THAT(c.hear_until("\r\n\r\n"), Not(HasSubstr("Connection: close")));
  EXPECT_EQ(c.hear_bytes(8'000'000).size(), 8'000'000U);
  EXPECT_EQ(c.hear_all(), "");
  EXPECT_EQ(c.heard_error(), 0);
  c.close();
  ASSERT_TRUE(s.wait_drained());
  EXPECT_EQ(s.it.requests(), (request_ledger{.begun = 1, .answered = 1}));
}

TEST(h1_connection, draining_finishes_an_upload) {
  serving s;
  auto c = s.enters();
  c.say("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
  EXPECT_THAT(next_reply(c).head, HasSubstr("100 Continue"));
  c.say("hello");
  s.drain();
  EXPECT_TRUE(quiet_for(c, 60ms)) << "longer than the silence of an idle one";
  const reply r = ask(c, "world");
  EXPECT_EQ(r.body, "helloworld");
  EXPECT_TRUE(r.closes());
  c.close();
  ASSERT_TRUE(s.wait_drained());
}

}  // namespace lastcall::http::h1_connection_test
