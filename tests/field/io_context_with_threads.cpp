// The runtime on an io_context of the program that four threads run. That exactly one must run it stood in a comment:
// answers went to other clients, then the process crashed.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "lastcall/task.hpp"
#include "tests/field/inputs.hpp"

int field::io_context_with_threads(const arguments&) {
  using namespace std::chrono_literals;
  namespace http = lastcall::http;
  lastcall::app app{{.grace = 5s}};
  boost::asio::io_context io{4};
  auto busy = boost::asio::make_work_guard(io);
  std::vector<std::jthread> pool;
  for (int i = 0; i < 4; ++i) pool.emplace_back([&] { io.run(); });
  struct stop_at_end {
    boost::asio::io_context& of;
    ~stop_at_end() { of.stop(); }
  } const stop{io};
  app.add<lastcall::net::runtime>("runtime", {.io = &io});
  http::router routes;
  routes.get("/{id}", [](const http::request& r) -> lastcall::task<http::response> {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 200us);
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return http::text(std::string(r.param("id")) + "\n");
  });
  say_where(app, app.add<http::server>("http", on_loopback(std::move(routes))));
  return app.run();
}
