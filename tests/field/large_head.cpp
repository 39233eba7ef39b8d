// A service that reflects what it is asked into its headers, until they are larger than HTTP/2 can send (64 KiB). The
// client waited 30 s for the head, and a drain to its end.
#include "lastcall/task.hpp"
#include "tests/field/inputs.hpp"

int field::large_head(const arguments&) {
  using namespace std::chrono_literals;
  namespace http = lastcall::http;
  lastcall::app app{{.grace = 20s}};
  http::router routes;
  // When it is told of the drain, so that the answer is made amid that.
  routes.get("/", [](const http::request&, lastcall::context life) -> lastcall::task<http::response> {
    co_await lastcall::net::wait_for(life, 20s);
    co_return http::text("all of it\n").header("X-Reflected", std::string(200'000, 'x'));
  });
  http::server_options options = on_loopback(std::move(routes));
  options.h2c = true;
  say_where(app, app.add<http::server>("http", std::move(options)));
  return app.run();
}
