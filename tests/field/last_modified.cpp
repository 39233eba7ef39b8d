// Sends the file whose path is the first argument. One with a time in the future said a Last-Modified later than Date,
// one with none said 1970.
#include "tests/field/inputs.hpp"

int field::last_modified(const arguments& given) {
  namespace http = lastcall::http;
  lastcall::app app;
  http::router routes;
  routes.get("/", [path = given.at(0)](const http::request& r) { return http::file(r, path, "text/plain"); });
  say_where(app, app.add<http::server>("http", on_loopback(std::move(routes))));
  return app.run();
}
