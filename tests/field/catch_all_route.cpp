// A fallback of a single-page app, or a JSON 404 for everything. It took /livez and /readyz without a word: /readyz
// said 200 throughout the drain, and the readiness delay was void.
#include "tests/field/inputs.hpp"

int field::catch_all_route(const arguments&) {
  using namespace std::chrono_literals;
  namespace http = lastcall::http;
  lastcall::app app{{.grace = 5s, .readiness_delay = 1s}};
  http::router routes;
  routes.get("/{rest...}", [](const http::request&) { return http::html("<h1>app</h1>"); });
  say_where(app, app.add<http::server>("http", on_loopback(std::move(routes))));
  return app.run();
}
