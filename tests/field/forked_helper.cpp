// A handler forks a helper that does not exec (daemon(3), a worker of a library). The helper has the listening socket,
// so the next start of the service met EADDRINUSE. The first argument is the port, or 0.
#include <unistd.h>

#include "tests/field/inputs.hpp"

int field::forked_helper(const arguments& given) {
  namespace http = lastcall::http;
  lastcall::app app;
  http::router routes;
  routes.get("/helper", [](const http::request&) {
    const ::pid_t helper = ::fork();
    if (helper == 0) {
      ::close(STDOUT_FILENO);
      ::close(STDERR_FILENO);
      ::sleep(60);
      ::_exit(0);
    }
    return http::text("helper " + std::to_string(helper) + "\n");
  });
  say_where(app, app.add<http::server>(
                     "http", on_loopback(std::move(routes), static_cast<std::uint16_t>(std::stoi(given.at(0))))));
  return app.run();
}
