#include "routes.hpp"

#include <charconv>
#include <cstdio>

#include "lastcall/middleware.hpp"
#include "lastcall/task.hpp"
#include "page.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

namespace shop {

namespace {

http::response json(std::string text, int status = 200) {
  return http::text(std::move(text) + "\n", status).header("Content-Type", "application/json");
}

/// `otherwise` if it is not there; -1 if it is no such number.
std::int64_t number(std::optional<std::string_view> text, std::int64_t otherwise = -1) {
  if (!text) return otherwise;
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() ? value : -1;
}

http::response place(orders& of, inventory& goods, live& told, const http::request& req, const lastcall::context& ctx) {
  const std::string_view type = req.header("Content-Type");
  if (!type.empty() && type.substr(0, type.find(';')) != "application/json")
    return http::problem(415, "send application/json");
  const auto asked = order_of(req.body());
  if (!asked)
    return http::problem(400, R"(send {"client_key":"…","item":"tea","quantity":2}: texts of up to 200 bytes)");
  if (const auto known = of.find(ctx, asked->client_key)) return json(to_json(*known));
  if (!goods.reserve(ctx, asked->item, asked->quantity)) {
    if (const auto known = of.find(ctx, asked->client_key)) return json(to_json(*known));
    return http::problem(409, "there are not " + std::to_string(asked->quantity) + " of " + asked->item + " left");
  }
  inventory::reservation held{goods, asked->item, asked->quantity};
  const auto stored = of.add(ctx, *asked, [&held] { held.kept = true; });
  if (!stored) return json(to_json(of.find(ctx, asked->client_key).value()));  // the same key came twice at once
  told.changed(*stored);
  return json(to_json(*stored), 201);
}

http::response list(orders& of, const http::request& req, const lastcall::context& ctx) {
  if (const auto key = req.query("client_key")) {
    const auto found = of.find(ctx, *key);
    return json(to_json(found ? std::vector<order>{*found} : std::vector<order>{}));
  }
  const auto after = number(req.query("after"), 0), limit = number(req.query("limit"), 100);
  if (after < 0 || limit < 1 || limit > 1000) return http::problem(400, "after: 0 or more; limit: 1 to 1000");
  return json(to_json(of.list(ctx, after, limit)));
}

http::response stats(orders& of, const lastcall::context& ctx) {
  const auto now = of.count(ctx);
  char text[300];
  std::snprintf(text, sizeof text,
                R"({"orders":%lld,"events_published":%lld,"events_consumed":%lld,"duplicates":%lld,"newest":%lld})",
                now.orders, now.published, now.consumed, now.duplicates, now.newest);
  return json(text);
}

}  // namespace

http::router routes(orders& of, inventory& goods, live& told) {
  http::router all;
  all.use(http::timeout(10s));
  all.get("/", [](const http::request&) { return http::html(page); });
  all.post("/orders", http::handler(http::blocking([&](const http::request& req, const lastcall::context& ctx) {
                        return place(of, goods, told, req, ctx);
                      })).max_body(16 * 1024));
  all.get("/orders",
          http::blocking([&](const http::request& req, const lastcall::context& ctx) { return list(of, req, ctx); }));
  all.get("/orders/{id}", http::blocking([&](const http::request& req, const lastcall::context& ctx) {
            const auto found = of.find(ctx, number(req.param("id")));
            return found ? json(to_json(*found)) : http::problem(404, "there is no such order");
          }));
  all.get("/stats", http::blocking([&](const http::request&, const lastcall::context& ctx) { return stats(of, ctx); }));
  all.websocket("/live", [&told](lastcall::ws::stream ws) -> lastcall::task<> {
    const auto member = told.sockets.join(ws);
    while (co_await ws.read()) {}
  });
  all.events("/events", [&told](lastcall::sse::stream s) { return told.streams.follow(std::move(s)); });
  return all;
}

}  // namespace shop
