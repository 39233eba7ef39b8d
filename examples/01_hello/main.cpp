// The smallest service: two routes, and an end that loses nothing. Start it, load it, press Ctrl-C.
#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

int main() {
  lastcall::app app{{.grace = 20s}};  // SIGINT and SIGTERM from here on; report and exit code at the end
  http::router routes;
  routes.get("/", [](const http::request&) { return http::text("hello\n"); });
  routes.get("/hello/{name}",
             [](const http::request& req) { return http::text("hello " + std::string(req.param("name")) + "\n"); });
  app.add<http::server>("http", {.port = 8080, .routes = std::move(routes)});  // answers /livez and /readyz itself
  return app.run();                                                            // 0: every accepted request was answered
}
