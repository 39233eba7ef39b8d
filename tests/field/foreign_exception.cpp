// Exceptions that are not C++: a panic of Rust over "C-unwind", error() of LuaJIT, a throw of Objective-C. `catch
// (...)` takes them, and std::current_exception() is null then: that was read as "no error". The first argument says
// where one is thrown.
#include <pthread.h>
#include <unwind.h>

#include <cstdlib>
#include <cstring>

#include "lastcall/task.hpp"
#include "lastcall/websocket.hpp"
#include "tests/field/inputs.hpp"

namespace {

[[noreturn]] void raise_foreign() {
  auto* const e = static_cast<_Unwind_Exception*>(std::calloc(1, sizeof(_Unwind_Exception)));
  std::memcpy(&e->exception_class, "RUSTMOZ\0", 8);
  e->exception_cleanup = [](_Unwind_Reason_Code, _Unwind_Exception* x) { std::free(x); };
  _Unwind_RaiseException(e);
  std::abort();
}

}  // namespace

int field::foreign_exception(const arguments& given) {
  using namespace std::chrono_literals;
  namespace http = lastcall::http;
  const std::string& where = given.at(0);
  lastcall::app app{{.grace = 2s}};
  if (where == "run") app.add("x", [](lastcall::context) { raise_foreign(); });
  if (where == "start") app.add("x", lastcall::functions{.start = [] { raise_foreign(); }});
  if (where == "pthread_exit") app.add("x", [](lastcall::context) { ::pthread_exit(nullptr); });
  if (where == "drain") {
    app.add("x", lastcall::functions{.run = [&app](lastcall::context) { app.request_shutdown("the test wants it"); },
                                     .drain = [](lastcall::context) { raise_foreign(); },
                                     .may_return = true});
  }
  if (where != "handler") return app.run();
  http::router routes;
  routes.websocket("/ws", [](lastcall::ws::stream s) -> lastcall::task<> {
    co_await s.read();
    raise_foreign();
  });
  routes.get("/plain", [](const http::request&) -> http::response { raise_foreign(); });
  routes.get("/coroutine", [](const http::request&) -> lastcall::task<http::response> {
    raise_foreign();
    co_return http::text("");
  });
  routes.get("/pool", http::blocking([](const http::request&) -> http::response { raise_foreign(); }));
  say_where(app, app.add<http::server>("http", on_loopback(std::move(routes))));
  return app.run();
}
