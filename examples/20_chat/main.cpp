// A chat: everybody hears what anybody says. There is no shutdown code: when the server is told to stop, each read
// ends in its moment of the jitter window, and the pages come back to whoever serves next.
#include <exception>
#include <iostream>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/websocket.hpp"
#include "page.hpp"

int main() try {
  lastcall::ws::group everybody;

  lastcall::http::router routes;
  routes.get("/", [](const lastcall::http::request&) { return lastcall::http::html(chat::page); });
  routes.websocket("/chat",
                   [&everybody](lastcall::ws::stream ws) -> lastcall::task<> {
                     const auto member = everybody.join(ws);
                     while (const auto said = co_await ws.read())
                       if (said->kind == lastcall::ws::message_kind::text)
                         everybody.send(to_text(ws.remote()) + ": " + said->data);
                   },
                   {.max_message_bytes = 4096});

  lastcall::app app;
  app.add<lastcall::http::server>("http", {.port = 8083, .routes = std::move(routes)});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';  // a setting that can't work, and the remedy
  return 2;
}
