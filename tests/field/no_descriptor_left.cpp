// A service with a leak of descriptors, told to stop once it has reached its limit (`ulimit -n 64`): it took 4.5 s of 5
// s though nothing was open, and a client that waited to be accepted was reset with exit code 0.
#include <fcntl.h>

#include "tests/field/inputs.hpp"

int field::no_descriptor_left(const arguments&) {
  using namespace std::chrono_literals;
  namespace http = lastcall::http;
  lastcall::app app{{.grace = 10s}};
  http::router routes;
  routes.get("/", [](const http::request&) { return http::text("hello\n"); });
  const auto server = app.add<http::server>("http", on_loopback(std::move(routes)));
  say_where(app, server);
  app.add("leak",
          [](lastcall::context life) {
            bool full = false;
            while (life.wait_for(5ms)) {
              if (::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 || full) continue;  // never closed
              full = true;
              std::puts("no descriptor left");
              std::fflush(stdout);
            }
          },
          {server});
  return app.run();
}
