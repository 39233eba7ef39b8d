// The smallest service: two routes, and an end that loses nothing. Start it, load it, press Ctrl-C.
#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

int main() {
  lastcall::app app{{.grace = 20s}};  // SIGINT and SIGTERM from here on
  http::router routes;
  routes.get("/", [](const http::request&) { return http::text("hello\n"); });
  routes.get("/hello/{name}", [](const http::request& req) {
    const std::string name(req.param("name"));
    return http::text("hello " + name + "\n");
  });
  // Answers /livez and /readyz itself.
  app.add<http::server>("http", {.port = 8080, .routes = std::move(routes)});
  return app.run();  // 0: every accepted request was answered
}
