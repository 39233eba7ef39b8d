// Notes in Redis behind a server. The adapter for Redis is redis.hpp.
// Try it:  redis-server --save '' & with_redis & curl -X PUT localhost:8086/tea -d green; curl localhost:8086/tea
#include "redis.hpp"

#include <cstdlib>
#include <string>

#include "lastcall/http.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;

int main(int argc, char** argv) {  // the ports of Redis and of this server
  const auto port = [&](int which, int otherwise) { return argc > which ? std::atoi(argv[which]) : otherwise; };
  lastcall::app app{{.grace = 10s}};
  const auto notes = app.add<redis::pool>("redis", redis::at("127.0.0.1", port(1, 6379)));

  http::router routes;
  routes.get("/{note}", http::blocking([=](const http::request& req, const lastcall::context& ctx) {
               const redis::reply found = redis::ask(*notes, ctx, "GET %s", std::string(req.param("note")).c_str());
               if (found->type == REDIS_REPLY_NIL) return http::problem(404, "there is no such note");
               return http::text(std::string(found->str, found->len) + "\n");
             }));
  routes.put("/{note}", http::blocking([=](const http::request& req, const lastcall::context& ctx) {
               redis::ask(*notes, ctx, "SET %s %b", std::string(req.param("note")).c_str(), req.body().data(),
                          req.body().size());
               return http::text("kept\n");
             }));
  app.add<http::server>(
      "http", {.address = "127.0.0.1", .port = static_cast<std::uint16_t>(port(2, 8086)), .routes = std::move(routes)},
      {notes});
  return app.run();
}
