// A user's program that needs the adapter for Kafka. No broker runs here, and it says so in time.
#include "lastcall/kafka.hpp"

#include <chrono>
#include <iostream>

int main() {
  using namespace std::chrono_literals;
  lastcall::kafka::producer orders({.brokers = "127.0.0.1:1", .deliver_within = 100ms, .name = "shop"});
  orders.start({});
  const auto none = orders.send(lastcall::within({}, 2s), {.topic = "orders", .value = "tea"});
  if (none) return 1;
  std::cout << none.error().what() << '\n';
  orders.force();
  orders.stop();
  return 0;
}
