#include "lastcall/http/ws/ws_report.hpp"

#include <string>
#include <utility>

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/http/requests/shard.hpp"

namespace lastcall::inline v0::ws::detail {

namespace {

using counts = http::detail::websocket_counts;

std::uint64_t sum(const shards& all, net::tally counts::* count) {
  std::uint64_t value = 0;
  for (const auto& each : all) value += (each->websockets.*count).value();
  return value;
}

/// WebSockets that did not end as they should, by why.
constexpr std::pair<const char*, net::tally counts::*> failures[] = {{"never_answered_close", &counts::never_answered},
                                                                     {"dead", &counts::dead},
                                                                     {"broke_protocol", &counts::broken},
                                                                     {"too_slow", &counts::too_slow}};

}  // namespace

void account(const shards& all, component_report& into) {
  if (sum(all, &counts::opened) == 0) return;
  into.add("websockets", sum(all, &counts::opened));
  into.add("messages_after_close", sum(all, &counts::after_close));
  for (const auto& [why, count] : failures)
    if (const std::uint64_t n = sum(all, count)) into.add("websockets_" + std::string(why), n);
}

void measure(const shards& all, metrics& into) {
  if (sum(all, &counts::opened) == 0) return;
  into.counter("lastcall_websockets_opened_total", "WebSockets whose handshake was accepted.",
               sum(all, &counts::opened));
  for (const auto& [way, count] : {std::pair{"received", &counts::received}, {"sent", &counts::sent}})
    into.counter("lastcall_websocket_messages_total", "Whole messages.", sum(all, count), {{"way", way}});
  into.counter("lastcall_websocket_messages_after_close_total",
               "Messages that came when nobody was to have them any more.", sum(all, &counts::after_close));
  into.counter("lastcall_websocket_broadcasts_skipped_total", "Broadcasts that a slow reader did not get.",
               sum(all, &counts::skipped));
  for (const auto& [why, count] : failures)
    into.counter("lastcall_websockets_failed_total", "WebSockets that did not end as they should.", sum(all, count),
                 {{"why", why}});
}

}  // namespace lastcall::inline v0::ws::detail
