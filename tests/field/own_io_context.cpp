// A database client of the program has an io_context of its own, and a handler waits on it when it is forced. Its
// coroutine is destroyed with that io_context, after the loops of the app: it touched freed memory.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lastcall/task.hpp"
#include "tests/field/inputs.hpp"

int field::own_io_context(const arguments&) {
  using namespace std::chrono_literals;
  namespace asio = boost::asio;
  namespace http = lastcall::http;
  asio::io_context io;  // it was there before Lastcall came
  auto guard = asio::make_work_guard(io);
  lastcall::app app{{.grace = 1s}};
  const auto database = app.add("database", lastcall::functions{.run = [&] { io.run(); },
                                                                .drain = [&](lastcall::context) { guard.reset(); },
                                                                .force = [&] { io.stop(); }});
  http::router routes;
  routes.get("/", [&](const http::request&) -> lastcall::task<http::response> {
    co_await asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          asio::steady_timer timer(io, 20s);
          std::puts("at work");
          std::fflush(stdout);
          co_await timer.async_wait(asio::use_awaitable);
        },
        asio::use_awaitable);
    co_return http::text("done\n");
  });
  const auto server = app.add<http::server>("http", on_loopback(std::move(routes)), {database});
  say_where(app, server);
  return app.run();  // the request is forced; then ~io_context destroys what waits in it
}
