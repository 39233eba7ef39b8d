// Server-sent events with a page that shows them. Stop it and start it again: the page comes back by itself, and misses
// nothing, since each client says which event it has had last. No handler knows of the shutdown.
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/events.hpp"
#include "lastcall/http.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;
namespace sse = lastcall::sse;

namespace {

constexpr const char* page = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>ticker</title>
<h1>Ticks</h1>
<p id="state">connecting</p>
<ol id="ticks" reversed></ol>
<script>
let opened = 0, last = 0, missed = 0, server = "";
const say = text => document.getElementById("state").textContent = text;
const ticks = new EventSource("/ticks");
ticks.onopen = () => say(`connected ${++opened} times`);
ticks.onerror = () => say("the server has gone; the browser tries again by itself");
ticks.addEventListener("tick", e => {
  const id = Number(e.lastEventId);
  if (last !== 0) missed += id - last - 1;
  last = id;
  server = e.data;
  const line = document.createElement("li");
  line.value = id;
  line.textContent = e.data;
  const list = document.getElementById("ticks");
  list.prepend(line);
  if (list.children.length > 20) list.lastChild.remove();
});
</script>
</html>
)";

lastcall::task<> tick(sse::stream out) {
  unsigned long id = 0;
  const std::string_view last = out.last_event_id();  // of who has been here before
  std::from_chars(last.data(), last.data() + last.size(), id);
  const std::string from = "from process " + std::to_string(::getpid());
  while (co_await out.wait_for(100ms)) {  // false when the server drains, or the client has gone
    const std::string text = std::to_string(++id);
    co_await out.send({.data = from, .id = text, .event = "tick"});
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8087);
  lastcall::app app{{.grace = 20s}};
  http::router routes;
  routes.get("/", [](const http::request&) { return http::html(page); });
  // Clients are asked to come back after half a second to one and a half, each at a moment of its own.
  routes.events("/ticks", tick, {.retry = 500ms, .retry_spread = 1s});
  const auto server = app.add<http::server>("http", {.port = port, .routes = std::move(routes), .jitter = 1s});
  app.add("listening_lines",
          {.start =
               [server] {
                 std::printf("listening on http://127.0.0.1:%d\n", server->addresses().front().port());
                 std::fflush(stdout);
               }},
          {server});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';  // a setting that can't work, and the remedy
  return 2;
}
