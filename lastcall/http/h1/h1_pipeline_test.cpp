#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/http/h1/h1_serving_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::h1_pipeline_test {

using testing_h1::ask;
using testing_h1::serving;
using testing_net::client;

TEST(h1_pipeline, answers_a_pipeline_in_order_and_sends_it_at_once) {
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

TEST(h1_pipeline, forgets_nothing_of_a_pipeline_that_goes_on_while_it_is_answered) {
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

TEST(h1_pipeline, keeps_the_order_of_a_pipeline_around_a_handler_that_answers_later) {
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

TEST(h1_pipeline, sends_a_later_answer_behind_the_unsent_rest_of_an_earlier_one) {
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

TEST(h1_pipeline, makes_no_more_responses_of_a_pipeline_than_its_client_takes) {
  serving s;
  auto c = s.enters(4096);
  std::string all;
  for (int i = 0; i < 20; ++i) all += request_for("/big?bytes=4000000");
  c.say(all);
  ASSERT_TRUE(s.eventually([&] { return s.bigs > 0; }));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask(*std::make_unique<client>(s.it.addresses()[0]), request_for("/")).status, 200);
  EXPECT_LT(s.bigs, 10) << "they wait in memory";
  for (int i = 0; i < 20; ++i) ASSERT_EQ(next_reply(c).body.size(), 4'000'000U) << i;
}

TEST(h1_pipeline, serves_a_pipeline_longer_than_its_buffer) {
  serving s;
  auto c = s.enters();
  std::string all;
  for (int i = 0; i < 3000; ++i) all += request_for("/n/" + std::to_string(i));  // about 100 KB
  std::thread sender([&] { EXPECT_EQ(c.say(all), all.size()); });
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(next_reply(c).body, std::to_string(i));
  sender.join();
}

TEST(h1_pipeline, answers_what_precedes_a_malformed_request_of_a_pipeline) {
  serving s;
  auto c = s.enters();
  c.say(request_for("/n/1") + "nonsense\r\n\r\n" + request_for("/n/3"));
  EXPECT_EQ(next_reply(c).body, "1");
  EXPECT_EQ(next_reply(c).status, 400);
  EXPECT_EQ(c.hear_all(), "");
}

}  // namespace lastcall::http::h1_pipeline_test
