// The smallest service: one route, and an end that loses nothing. Start it, load it, press Ctrl-C.
#include "lastcall/app.hpp"
#include "lastcall/http.hpp"

using namespace std::chrono_literals;

int main() {
  lastcall::app app{{.grace = 20s}};  // SIGINT and SIGTERM from here on; report and exit code at the end

  lastcall::http::router routes;
  routes.get("/hello/{name}", [](const lastcall::http::request& req) {
    return lastcall::http::text("hello " + std::string(req.param("name")) + "\n");
  });
  // It answers /livez and /readyz itself.
  app.add<lastcall::http::server>("http", {.port = 8080, .routes = std::move(routes)});

  return app.run();  // 0: every accepted request was answered
}
