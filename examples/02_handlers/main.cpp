// Handlers in all forms, bodies that stream both ways, and what stands around them. Told to stop, it finishes all of
// it.
#include <exception>
#include <iostream>
#include <thread>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/middleware.hpp"
#include "lastcall/streaming.hpp"
#include "lastcall/task.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;
using lastcall::task;

int main(int argc, char** argv) try {
  lastcall::app app{{.grace = 20s}};
  http::router routes;

  // Around every route below; the first is the outermost.
  routes.use(http::after([](const http::request&, http::response& r) { r.header("X-Frame-Options", "DENY"); }));
  routes.use(http::before([](const http::request& req) -> std::optional<http::response> {
    if (req.path() == "/secret" && req.header("X-Key") != "sesame") return http::text("who are you?\n", 401);
    return std::nullopt;
  }));
  routes.get("/secret", [](const http::request&) { return http::text("welcome\n"); });

  // At once, on the loop's thread.
  routes.get("/now", [](const http::request&) { return http::text("now\n"); });

  // A coroutine holds no thread while it waits. Its context ends when the client has gone or the drain end has come.
  routes.get("/later", [](const http::request&, lastcall::context ctx) -> task<http::response> {
    const bool in_time = co_await lastcall::net::wait_until_forced_for(ctx, 50ms);
    co_return http::text(in_time ? "later\n" : "I had to give up\n", in_time ? 200 : 503);
  });

  // What blocks does so on a bounded pool; when that is full, clients are told when to come again.
  routes.get("/blocking", http::blocking([](const http::request&) {
               std::this_thread::sleep_for(20ms);  // a database, a file, a library of another age
               return http::text("blocking\n");
             }));

  // A request's body as it comes: what is not read yet stays with the client.
  routes.post("/count", [](const http::request&, http::body_stream in) -> task<http::response> {
    std::size_t lines = 0;
    while (const auto piece = co_await in.read())
      for (const char c : *piece) lines += c == '\n';
    co_return http::text(std::to_string(lines) + " lines\n");
  });

  // A response's body as it is made: the client's pace is ours.
  routes.get("/numbers", [](const http::request&) {
    return http::streamed([](http::body_writer out) -> task<> {
             std::string lines;  // what is written is sent, so in pieces that are worth it
             for (int i = 1; i <= 100'000; ++i) {
               lines.append(std::to_string(i)).append("\n");
               if (lines.size() < 16'000 && i < 100'000) continue;
               co_await out.write(lines);
               lines.clear();
             }
           })
        .header("Content-Type", "text/plain");
  });

  // A file that is there when all of it is, and up to 10 GB of it.
  const std::string folder = argc > 1 ? argv[1] : ".";
  routes.put("/files/report.csv",
             http::handler([folder](const http::request&, http::body_stream in) -> task<http::response> {
               const auto bytes = co_await http::save(in, folder + "/report.csv");
               co_return http::text(std::to_string(bytes) + " bytes stored\n", 201);
             }).max_body(10'000'000'000));

  app.add<http::server>("http", {.port = 8082, .routes = std::move(routes)});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';  // a setting that can't work, and the remedy
  return 2;
}
