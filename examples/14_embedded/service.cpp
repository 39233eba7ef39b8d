#include "service.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

lastcall::component_ref service::build(lastcall::app& app, std::uint16_t port) {
  // Needed by the server, it ends after it: what it writes last is all that was asked.
  const auto writer = app.add("writer", [this](const lastcall::context& ends) {
    while (ends.wait_for(100ms)) written_ = asked_.load();
    written_ = asked_.load();
  });
  http::router routes;
  routes.get("/", [this](const http::request&) {
    ++asked_;
    return http::text("hello\n");
  });
  server_ =
      app.add<http::server>("http", {.address = "127.0.0.1", .port = port, .routes = std::move(routes)}, {writer});
  return server_;
}
