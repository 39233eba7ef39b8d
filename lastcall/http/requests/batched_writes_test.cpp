// Seen from outside: clients whose requests come to one loop in one batch.
#include "lastcall/http/requests/batched_writes.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/http/server/server.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::http::detail::batched_writes_test {

using namespace std::chrono_literals;
using testing_net::client;

bool has_come(const client& c) {
  pollfd p{.fd = c.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) == 1;
}

/// A server on an io_context that the test runs, so that what all clients say before a `turn` comes in one batch.
struct one_loop {
  explicit one_loop(router routes) : server_(options(std::move(routes)), runtime_, quiet) {
    runtime_.start({});
    server_.start(life_.get());
  }
  ~one_loop() {
    run();
    server_.stop();
    runtime_.stop();
    work_.reset();
    runner_.join();
  }

  void run_loop() {
    for (int i = 0; i < 20; ++i) io_.poll();
  }
  /// From here on by itself.
  void run() {
    if (!runner_.joinable()) runner_ = std::thread([this] { io_.run(); });
  }
  std::unique_ptr<client> enters(int receive_buffer = 0) {
    auto c = std::make_unique<client>(server_.addresses().at(0), receive_buffer);
    EXPECT_EQ(c->error(), 0);
    const int on = 1;
    ::setsockopt(c->fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    run_loop();
    return c;
  }
  request_ledger requests() const { return server_.requests(); }
  bool all_have_gone() const { return server_.connections().adds_up(); }

 private:
  static server_options options(router routes) {
    server_options o;
    o.routes = std::move(routes);
    o.address = "127.0.0.1";
    o.port = 0;
    return o;
  }

  const logger quiet{log_level::none, nullptr};
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  context_source life_;
  net::runtime runtime_{{.io = &io_, .log = quiet}};
  server server_;
  std::thread runner_;
};

router with_numbers() {
  router r;
  r.get("/n/{n}", [](const request& q) { return text(std::string(q.param("n"))); });
  return r;
}

TEST(batched_writes, gives_each_client_of_a_batch_its_own_answer) {
  one_loop s(with_numbers());
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 50; ++i) all.push_back(s.enters());
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) all[i]->say(request_for("/n/" + std::to_string(i)));
    s.run_loop();
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(next_reply(*all[i]).body, std::to_string(i));
  }
  EXPECT_EQ(s.requests().answered, 150U);
}

TEST(batched_writes, sends_before_the_end_of_a_client_that_asked_and_said_that_it_is_done) {
  one_loop s(with_numbers());
  const auto first = s.enters(), done = s.enters();
  first->say(request_for("/n/1"));
  done->say(request_for("/n/2"));
  ::shutdown(done->fd(), SHUT_WR);
  s.run_loop();
  EXPECT_EQ(next_reply(*first).body, "1");
  EXPECT_EQ(next_reply(*done).body, "2");
  EXPECT_EQ(done->hear_until("never"), "") << "and then its end";
  EXPECT_EQ(s.requests().answered, 2U);
}

TEST(batched_writes, loses_nobody_elses_answer_with_a_client_that_has_gone) {
  one_loop s(with_numbers());
  const auto stays = s.enters();
  auto goes = s.enters();
  goes->say(request_for("/n/1"));
  stays->say(request_for("/n/2"));
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(goes->fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  goes.reset();
  s.run_loop();
  EXPECT_EQ(next_reply(*stays).body, "2");
  const request_ledger l = s.requests();
  EXPECT_EQ(l.begun, l.answered + l.abandoned_by_client);
}

TEST(batched_writes, keeps_the_order_of_what_a_client_asks_on_and_on) {
  one_loop s(with_numbers());
  const auto other = s.enters(), c = s.enters();
  for (int i = 0; i < 40; i += 2) {
    other->say(request_for("/n/7"));
    c->say(request_for("/n/" + std::to_string(i)));
    if (i % 4 == 0) s.run_loop();  // else the two are a pipeline
    c->say(request_for("/n/" + std::to_string(i + 1)));
    s.run_loop();
    EXPECT_EQ(next_reply(*other).body, "7");
  }
  for (int i = 0; i < 40; ++i) EXPECT_EQ(next_reply(*c).body, std::to_string(i));
}

TEST(batched_writes, finishes_later_what_its_client_does_not_take_yet) {
  constexpr int requests = 3000;
  router r;
  r.get("/{n}", [](const request& q) { return text(std::string(q.param("n")) + std::string(3900, '.')); });
  one_loop s(std::move(r));
  const auto slow = s.enters(4096), other = s.enters();
  for (int i = 0; i < requests; ++i) {
    slow->say(request_for("/" + std::to_string(i)));
    other->say(request_for("/other"));
    s.run_loop();
    EXPECT_EQ(next_reply(*other).status, 200);
  }
  ASSERT_LT(s.requests().answered, 2U * requests) << "all of it fits into the kernel";
  s.run();
  for (int i = 0; i < requests; ++i) {
    const std::string body = next_reply(*slow).body;
    ASSERT_EQ(body, std::to_string(i) + std::string(3900, '.'));
  }
  slow->close();
  other->close();
  while (!s.all_have_gone()) std::this_thread::yield();
  EXPECT_EQ(s.requests().answered, 2U * requests);
}

TEST(batched_writes, lets_nobody_wait_for_slow_handlers_twice_in_a_row) {
  client* quick = nullptr;
  std::vector<bool> quick_was_served;
  router r = with_numbers();
  r.get("/slow", [&](const request&) {
    quick_was_served.push_back(has_come(*quick));
    std::this_thread::sleep_for(5ms);
    return text("at last");
  });
  one_loop s(std::move(r));
  const auto a = s.enters(), b = s.enters();
  quick = a.get();
  for (int round = 0; round < 2; ++round) {
    a->say(request_for("/n/1"));
    b->say(request_for("/slow"));
    s.run_loop();
    EXPECT_EQ(next_reply(*a).body, "1");
    EXPECT_EQ(next_reply(*b).body, "at last");
  }
  EXPECT_THAT(quick_was_served, ::testing::ElementsAre(false, true));
}

}  // namespace lastcall::http::detail::batched_writes_test
