#include "routes.hpp"

#include <charconv>
#include <string>
#include <thread>

#include "waits.hpp"

namespace testbed {

namespace http = lastcall::http;
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

http::response no_number(std::string_view name, std::uint64_t most) {
  return http::text(std::string(name) + " must be a number up to " + std::to_string(most) + "\n", 400);
}

}  // namespace

http::router routes(lastcall::net::runtime& on) {
  http::router r;

  r.get("/", [](const http::request&) { return http::text("hello\n"); });

  constexpr std::uint64_t longest_ms = 24ULL * 60 * 60 * 1000;
  r.get("/slow", [&on](const http::request& req, context ctx, http::responder reply) {
    const auto ms = number(req, "ms", 1000, longest_ms);
    if (!ms) return reply.send(no_number("ms", longest_ms));
    answer_after(on, std::chrono::milliseconds(*ms), ctx.forced_token(), std::move(reply), http::text("slow\n"),
                 http::text("forced\n", 503));
  });
  r.get("/patient", [&on](const http::request& req, context ctx, http::responder reply) {
    const auto ms = number(req, "ms", 1000, longest_ms);
    if (!ms) return reply.send(no_number("ms", longest_ms));
    answer_after(on, std::chrono::milliseconds(*ms), ctx.draining_token(), std::move(reply), http::text("waited\n"),
                 http::text("draining\n"));
  });

  r.get("/block", [](const http::request& req) {
    const auto ms = number(req, "ms", 1000, longest_ms);
    if (!ms) return no_number("ms", longest_ms);
    std::this_thread::sleep_for(std::chrono::milliseconds(*ms));
    return http::text("blocked\n");
  });
  r.get("/big", [](const http::request& req) {
    const auto bytes = number(req, "bytes", 20'000'000, most_bytes);
    if (!bytes) return no_number("bytes", most_bytes);
    return http::response(200).header("Content-Type", "application/octet-stream").body(std::string(*bytes, 'x'));
  });
  r.post("/upload", [](const http::request& req) { return http::text(std::to_string(req.body().size()) + "\n"); });
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
  r.get("/throw", [](const http::request&) -> http::response { throw std::runtime_error("asked to throw"); });

  return r;
}

}  // namespace testbed
