// Servers in an io_context of the program, which one thread runs, or several.
#include <gtest/gtest.h>

#include <atomic>

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"

namespace lastcall::http::own_io_context_test {

using namespace std::chrono_literals;
using testing_net::client;

/// An io_context that so many threads run until the end of the scope.
struct running_io {
  explicit running_io(int threads) {
    for (int i = 0; i < threads; ++i) pool.emplace_back([this] { io.run(); });
  }
  ~running_io() {
    busy.reset();
    for (auto& each : pool) each.join();  // returns only if nothing of ours waits there any more
  }
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy = boost::asio::make_work_guard(io);
  std::vector<std::thread> pool;
};

app_options embedded() { return {.signals = {}, .log = log_level::none, .environment = false}; }

router waiting_routes() {
  router r;
  r.get("/later/{id}", [](const request& q) -> task<response> {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 50us);
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return text(std::string(q.param("id")));
  });
  r.get("/now/{id}", [](const request& q) { return text(std::string(q.param("id"))); });
  r.get("/blocking/{id}", blocking([](const request& q) { return text(std::string(q.param("id"))); }));
  return r;
}

TEST(own_io_context, gives_each_client_its_own_answer_although_several_threads_run_it) {
  running_io users(4);
  app a(embedded());
  a.add<net::runtime>("runtime", {.io = &users.io});
  auto http = a.add<server>("http", {.address = "127.0.0.1", .port = 0, .routes = waiting_routes()});
  a.start();
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  constexpr int count = 8, requests = 150;
  for (int i = 0; i < count; ++i)
    clients.emplace_back([&, i] {
      client c(http->addresses().at(0));
      for (int n = 0; n < requests; ++n) {
        const std::string id = std::to_string(i) + "-" + std::to_string(n);
        const std::string way = n % 5 == 0 ? "/blocking/" : n % 2 == 0 ? "/now/" : "/later/";
        c.say(request_for(way + id));
        if (next_reply(c).body == id) ++right;
      }
      c.close();
    });
  for (auto& each : clients) each.join();
  EXPECT_EQ(right, count * requests);
  const report& said = a.shutdown(deadline(10s));
  EXPECT_EQ(said.exit_code, 0);
}

/// What handlers wait for that no shutdown of ours can cancel: a timer of the program, or a callback that it keeps.
struct foreign_wait {
  task<> wait() {
    ++waiting;
    if (by_callback) {
      co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
          [this](auto handler) { callback = std::move(handler); }, boost::asio::use_awaitable);
    } else {
      boost::asio::steady_timer timer(io, 20ms);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    went_on = true;
  }
  const bool by_callback;
  boost::asio::io_context io = {};
  function<void()> callback = {};
  std::atomic<int> waiting{0};
  std::atomic<bool> went_on{false};
};

/// Serves one request, which waits there, and cuts it. Returns the exit code.
int cut_while_it_waits(foreign_wait& there, bool raw_tcp) {
  app a(embedded());
  router r;
  r.get("/", [&](const request&) -> task<response> {
    co_await there.wait();
    co_return text("too late");
  });
  std::vector<net::endpoint> at;
  if (raw_tcp) {
    auto tcp = a.add<net::tcp_server>("tcp", {.address = "127.0.0.1", .handler = [&](net::tcp_stream s) -> task<> {
                                                co_await there.wait();
                                                co_await s.write("too late");
                                              }});
    a.start();
    at = tcp->addresses();
  } else {
    auto http = a.add<server>("http", {.address = "127.0.0.1", .port = 0, .routes = std::move(r)});
    a.start();
    at = http->addresses();
  }
  client c(at.at(0));
  c.say(request_for("/"));
  for (const time_point by = steady().now() + testing_net::generous; there.waiting == 0 && steady().now() < by;)
    std::this_thread::yield();
  const int code = a.shutdown(deadline(1s)).exit_code;
  EXPECT_EQ(c.hear_all().find("too late"), std::string::npos);
  return code;
}

TEST(own_io_context, may_complete_or_destroy_what_a_cut_handler_waits_for_when_the_app_has_gone) {
  struct scene {
    bool raw_tcp, by_callback, completes;
  };
  for (const scene& s : {scene{false, false, false}, {false, false, true}, {false, true, true}, {true, false, true}}) {
    SCOPED_TRACE(std::string(s.raw_tcp ? "tcp" : "http") + (s.by_callback ? ", callback" : ", timer") +
                 (s.completes ? ", completes" : ""));
    foreign_wait there{.by_callback = s.by_callback};
    EXPECT_EQ(cut_while_it_waits(there, s.raw_tcp), 3);
    if (s.completes && s.by_callback) there.callback();
    if (s.completes) there.io.run();
    EXPECT_EQ(there.went_on, s.completes && s.by_callback);  // called outside of Asio, it goes on where it is
  }
}

TEST(own_io_context, is_given_instead_of_a_number_of_threads) {
  boost::asio::io_context io;
  app a(embedded());
  EXPECT_THROW(a.add<net::runtime>("runtime", {.threads = 4, .io = &io}), std::invalid_argument);
}

}  // namespace lastcall::http::own_io_context_test
