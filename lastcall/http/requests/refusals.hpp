// Every 503 and 408 that the server answers by itself: what a client is told when it comes too many, too late or too
// slowly. Statuses of malformed requests are in h1/h1_parser and h2/h2_head, those of routes in routing/router.
#pragma once

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

struct server_refusal {
  int status;
  const char* why;  // for people; with a 503 goes Retry-After
};

namespace refusals {

inline constexpr server_refusal too_many_connections{503, "too many connections"};
/// The blocking pool has no free thread, and its queue is full.
inline constexpr server_refusal no_free_thread{503, "too many requests that take long"};
/// The drain ends while a client still sends the body at a fair pace.
inline constexpr server_refusal stopping{503, "the server is stopping"};
/// A WebSocket handshake during a drain.
inline constexpr server_refusal no_new_websocket{503, "this server is being stopped"};
/// /readyz from the announcement on.
inline constexpr server_refusal not_ready{503, "draining"};
inline constexpr server_refusal head_too_slow{408, "the head took too long"};
inline constexpr server_refusal body_too_slow{408, "the body took too long"};

}  // namespace refusals

}  // namespace lastcall::inline v0::http::detail
