#include "lastcall/http/detail/ws_account.hpp"

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report.hpp"
#include "lastcall/http/detail/shard.hpp"

namespace lastcall::inline v0::ws::detail {

namespace {

std::uint64_t sum(const shards& all, net::tally stats::*of) {
  std::uint64_t value = 0;
  for (const auto& each : all) value += (each->websockets.*of).value();
  return value;
}

}  // namespace

void account(const shards& all, component_report& into) {
  if (sum(all, &stats::opened) == 0) return;
  into.add("websockets", sum(all, &stats::opened));
  into.add("messages_after_close", sum(all, &stats::after_close));
  for (const auto& [name, of] : {std::pair{"websockets_never_answered_close", &stats::never_answered},
                                 {"websockets_dead", &stats::dead},
                                 {"websockets_broke_protocol", &stats::broken},
                                 {"websockets_too_slow", &stats::too_slow}})
    if (const std::uint64_t n = sum(all, of)) into.add(name, n);
}

void measure(const shards& all, metrics& into) {
  if (sum(all, &stats::opened) == 0) return;
  into.counter("lastcall_websockets_opened_total", "WebSockets whose handshake was accepted.",
               sum(all, &stats::opened));
  for (const auto& [way, of] : {std::pair{"received", &stats::received}, {"sent", &stats::sent}})
    into.counter("lastcall_websocket_messages_total", "Whole messages.", sum(all, of), {{"way", way}});
  into.counter("lastcall_websocket_messages_after_close_total",
               "Messages that came when nobody was to have them any more.", sum(all, &stats::after_close));
  into.counter("lastcall_websocket_broadcasts_skipped_total", "Broadcasts that a slow reader did not get.",
               sum(all, &stats::skipped));
  for (const auto& [why, of] : {std::pair{"never_answered_close", &stats::never_answered},
                                {"dead", &stats::dead},
                                {"broke_protocol", &stats::broken},
                                {"too_slow", &stats::too_slow}})
    into.counter("lastcall_websockets_failed_total", "WebSockets that did not end as they should.", sum(all, of),
                 {{"why", why}});
}

}  // namespace lastcall::inline v0::ws::detail
