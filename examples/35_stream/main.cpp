// Works off a stream of orders, as one consumer of a group. An order is acknowledged when it is done; what this process
// does not finish another one does. Start as many as you like.
// Try it:  redis-server --save '' & stream_worker & redis-cli xadd orders '*' item tea
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "lastcall/app.hpp"
#include "lastcall/redis.hpp"

using namespace std::chrono_literals;
namespace redis = lastcall::redis;

int main(int argc, char** argv) try {
  const std::string url = argc > 1 ? argv[1] : "redis://127.0.0.1:6379";
  lastcall::app app{{.grace = 10s}};
  const auto db = app.add<redis::pool>("redis", {.url = url});
  const auto ship = [=](const redis::entry& order, const lastcall::context& ctx) {
    const auto takes = std::chrono::milliseconds(std::atoi(std::string(order.field("takes_ms").value_or("5")).c_str()));
    const auto on = *db->acquire(ctx);
    static_cast<void>(*on->command(ctx, "HINCRBY", "packed", order.id, 1));
    if (!ctx.wait_until_forced_for(takes)) throw std::runtime_error("not shipped");  // not done: not acknowledged
    static_cast<void>(*on->command(ctx, "HINCRBY", "shipped", order.id, 1));
  };
  app.add<redis::consumer>(
      "orders", {.url = url, .stream = "orders", .group = "shipping", .process = ship, .claim_after = 5s}, {db});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
