// std::exit on another thread, as some library's way out of a fatal error, with an app that is static: it aborted.
#include <cstdlib>
#include <thread>

#include "tests/field/inputs.hpp"

int field::static_app_exit(const arguments&) {
  using namespace std::chrono_literals;
  static lastcall::app app{{.grace = 2s}};
  say_where(app, app.add<lastcall::http::server>("http", on_loopback({})));
  std::thread([] {
    while (!app.ready()) std::this_thread::yield();
    std::exit(7);
  }).detach();
  return app.run();
}
