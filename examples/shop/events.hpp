// Order events on their way: from the outbox to Kafka, and back, by the shop's own consumer group, as the work on the
// order.
#pragma once

#include "lastcall/kafka.hpp"
#include "routes.hpp"

namespace shop {

inline constexpr const char* topic = "orders";

/// One look into the outbox: sends what waits, then notes that it was sent. What a crash leaves between the two is sent
/// again: each event arrives at least once.
inline void publish(orders& from, lastcall::kafka::producer& to, const lastcall::context& ctx) {
  constexpr std::int64_t most = 100;
  for (bool more = true; more && !ctx.forced();) {
    const auto waiting = from.waiting(ctx, most);
    std::vector<order> sent;
    for (const order& each : waiting) {
      if (!to.send(ctx, {.topic = topic, .key = std::to_string(each.id), .value = to_json(each)})) break;
      sent.push_back(each);
    }
    if (!sent.empty()) from.published(ctx, sent);
    if (sent.size() < waiting.size()) throw lastcall::unavailable("events could not be sent; the outbox keeps them");
    more = waiting.size() == most;
  }
}

/// Packs and ships one order. Safe to repeat: a message that was not committed comes again.
inline void ship(orders& of, live& told, const lastcall::kafka::message& message, const lastcall::context& ctx) {
  auto what = order_of(message.value.value_or(""));
  if (!what) return;  // not ours
  what->id = std::stoll(message.key.value_or("0"));
  for (const char* status : {"packed", "shipped"})
    if (const auto now = of.advance(ctx, *what, status)) told.changed(*now);
}

}  // namespace shop
