// A user's program that needs the adapter for Redis. No server runs here, and it says so in time.
#include "lastcall/redis.hpp"

#include <chrono>
#include <iostream>

int main() {
  using namespace std::chrono_literals;
  lastcall::redis::pool db({.url = "unix:/nowhere/socket", .longest_wait = 100ms, .name = "shop"});
  db.start({});
  const auto none = db.acquire({});
  if (none || none.error().why() != lastcall::no_lease::reason::not_opened) return 1;
  std::cout << none.error().what() << '\n';
  db.stop();
  return 0;
}
