#include "routes.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <thread>

#include "lastcall/events.hpp"
#include "lastcall/http.hpp"
#include "lastcall/middleware.hpp"
#include "lastcall/streaming.hpp"
#include "lastcall/task.hpp"
#include "lastcall/websocket.hpp"

namespace testbed {

namespace http = lastcall::http;
namespace net = lastcall::net;
using lastcall::context;

namespace {

constexpr std::uint64_t most_bytes = 256 * 1024 * 1024;

/// The number called `name` in the query; `otherwise` when it is missing. Empty when it is no number up to `most`.
std::optional<std::uint64_t> number(const http::request& r, std::string_view name, std::uint64_t otherwise,
                                    std::uint64_t most) {
  const auto text = r.query(name);
  if (!text) return otherwise;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value > most) return std::nullopt;
  return value;
}

/// Of a file that stays within its directory.
bool sound_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.size() <= 100 && name.find('/') == name.npos;
}

http::response no_number(std::string_view name, std::uint64_t most) {
  return http::text(std::string(name) + " must be a number up to " + std::to_string(most) + "\n", 400);
}

}  // namespace

http::router routes(const std::string& upload_dir) {
  http::router r;

  r.get("/", [](const http::request&) { return http::text("hello\n"); });

  r.get("/async", [](const http::request&) -> lastcall::task<http::response> { co_return http::text("hello\n"); });

  constexpr std::uint64_t longest_ms = 24ULL * 60 * 60 * 1000;
  r.get("/slow", [](const http::request& req, context ctx) -> lastcall::task<http::response> {
    const auto ms = number(req, "ms", 1000, longest_ms);
    if (!ms) co_return no_number("ms", longest_ms);
    if (co_await net::wait_until_forced_for(ctx, std::chrono::milliseconds(*ms))) co_return http::text("slow\n");
    co_return http::text("forced\n", 503);
  });
  r.get("/timeout", http::handler([](const http::request& req, context ctx) -> lastcall::task<http::response> {
                      const auto ms = number(req, "ms", 1000, longest_ms);
                      if (!ms) co_return no_number("ms", longest_ms);
                      const bool whole = co_await net::wait_until_forced_for(ctx, std::chrono::milliseconds(*ms));
                      co_return http::text(whole ? "in time\n" : "forced\n", whole ? 200 : 503);
                    }).timeout(std::chrono::milliseconds(300)));
  r.get("/patient", [](const http::request& req, context ctx) -> lastcall::task<http::response> {
    const auto ms = number(req, "ms", 1000, longest_ms);
    if (!ms) co_return no_number("ms", longest_ms);
    co_return http::text(co_await net::wait_for(ctx, std::chrono::milliseconds(*ms)) ? "waited\n" : "draining\n");
  });

  const auto block = [](const http::request& req) {
    const auto ms = number(req, "ms", 1000, longest_ms);
    if (!ms) return no_number("ms", longest_ms);
    std::this_thread::sleep_for(std::chrono::milliseconds(*ms));
    return http::text("blocked\n");
  };
  r.get("/block", http::blocking(block));
  const auto as_it_is =
      http::around([](const http::request&, const context&,
                      const http::next_handler& go) -> lastcall::task<http::response> { return go(); });
  r.get("/around/block", as_it_is(http::blocking(block)));
  r.get("/block-loop", block);

  r.get("/big", [](const http::request& req) {
    const auto bytes = number(req, "bytes", 20'000'000, most_bytes);
    if (!bytes) return no_number("bytes", most_bytes);
    const auto make = [bytes = *bytes](http::body_writer to) -> lastcall::task<> {
      static const std::string piece(64 * 1024, 'x');
      for (std::uint64_t left = bytes; left > 0;) {
        const std::string_view next = std::string_view(piece).substr(0, left);
        co_await to.write(next);
        left -= next.size();
      }
    };
    return (req.query("chunked") ? http::streamed(make) : http::streamed(make, *bytes))
        .header("Content-Type", "application/octet-stream");
  });
  constexpr std::uint64_t most_data = 64 * 1024;
  r.events("/events", [](const http::request& req, lastcall::sse::stream out) -> lastcall::task<> {
    const auto ms = number(req, "ms", 100, longest_ms), bytes = number(req, "bytes", 0, most_data);
    std::uint64_t id = 0;
    const std::string_view last = out.last_event_id();
    std::from_chars(last.data(), last.data() + last.size(), id);
    const std::string more(bytes.value_or(0), 'x');
    while (co_await out.wait_for(std::chrono::milliseconds(ms.value_or(100)))) {
      const std::string text = std::to_string(++id), data = "tick " + text + more;
      co_await out.send({.data = data, .id = text, .event = "tick"});
    }
  });
  r.post("/upload", [upload_dir](const http::request& req, http::body_stream in) -> lastcall::task<http::response> {
    std::uint64_t bytes = 0;
    if (const auto name = req.query("name")) {
      if (upload_dir.empty() || !sound_name(*name)) co_return http::text("no such place\n", 400);
      bytes = co_await http::save(in, upload_dir + "/" + *name);
    } else {
      while (const auto piece = co_await in.read()) bytes += piece->size();
    }
    co_return http::text(std::to_string(bytes) + "\n");
  });
  r.get("/stored/{name}", [upload_dir](const http::request& req) {
    const std::string name(req.param("name"));
    if (upload_dir.empty() || !sound_name(name)) return http::text("not found\n", 404);
    return http::file(req, upload_dir + "/" + name);
  });
  r.get("/status", [](const http::request& req) {
    const auto code = number(req, "code", 200, 599);
    if (!code || *code < 200) return no_number("code", 599);
    return http::text("status\n", static_cast<int>(*code));
  });
  r.any("/request/{rest...}", [](const http::request& req) {
    std::string said;
    const auto say = [&](std::string_view name, std::string_view value) {
      said.append(name).append("=[").append(value).append("] ");
    };
    say("method", req.method());
    say("host", req.host());
    say("rest", req.param("rest"));
    say("x", req.header("x"));
    say("body", req.body());
    said.back() = '\n';
    return http::text(std::move(said));
  });
  r.websocket("/ws", [](lastcall::ws::stream ws) -> lastcall::task<> {
    while (auto msg = co_await ws.read()) co_await ws.write(*msg);
  });
  r.get("/throw", [](const http::request&) -> http::response { throw std::runtime_error("asked to throw"); });

  return r;
}

}  // namespace testbed
