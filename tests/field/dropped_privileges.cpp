// Root binds, and drops its privileges before it serves: the path of the Unix socket (the first argument) can't be
// removed in the end. It stayed, with exit code 0, and nothing said so.
#include <grp.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/field/inputs.hpp"

int field::dropped_privileges(const arguments& given) {
  using namespace std::chrono_literals;
  namespace http = lastcall::http;
  lastcall::app app{{.grace = 5s}};
  http::router routes;
  routes.get("/", [](const http::request&) { return http::text(std::to_string(::getuid()) + "\n"); });
  http::server_options options = on_loopback(std::move(routes));
  options.unix_path = given.at(0);
  const auto server = app.add<http::server>("http", std::move(options));
  const auto drop = app.add(
      "drop",
      lastcall::functions{.start =
                              [] {
                                if (::setgroups(0, nullptr) != 0 || ::setgid(23456) != 0 || ::setuid(23456) != 0)
                                  throw std::runtime_error("cannot drop the privileges of root");
                              }},
      {server});
  say_where(app, server, {drop});  // components that do not need each other start at the same time
  return app.run();
}
