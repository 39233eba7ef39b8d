// A handler of the pool ends its thread. The process aborted ("FATAL: exception not rethrown"), with all other
// requests.
#include <pthread.h>

#include "tests/field/inputs.hpp"

int field::thread_exit(const arguments&) {
  namespace http = lastcall::http;
  lastcall::app app;
  http::router routes;
  routes.get("/", http::blocking([](const http::request&) -> http::response { ::pthread_exit(nullptr); }));
  routes.get("/other", [](const http::request&) { return http::text("other\n"); });
  say_where(app, app.add<http::server>("http", on_loopback(std::move(routes))));
  return app.run();
}
