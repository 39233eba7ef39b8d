// What the server answers by itself: when a client comes too many, too late or too slowly, and how every refusal reads.
// Statuses of malformed requests are in h1/h1_parser and h2/h2_head, those of routes in routing/router.
#pragma once

#include <string_view>

#include "lastcall/core/unavailable.hpp"
#include "lastcall/http/message/response.hpp"

namespace lastcall::inline v0::http::detail {

struct server_refusal {
  int status;
  const char* why;  // for people; a literal, never the client's bytes
};

namespace refusals {

/// Of a server that has too much to do, or is going away: the client should come again, or ask another one.
inline constexpr int overloaded = 503;
/// The value of Retry-After, in seconds.
inline constexpr std::string_view come_again_after = "1";

inline constexpr server_refusal too_many_connections{overloaded, "too many connections"};
/// The blocking pool has no free thread, and its queue is full.
inline constexpr server_refusal no_free_thread{overloaded, "too many requests that take long"};
/// The drain ends while a client still sends the body.
inline constexpr server_refusal stopping{overloaded, "the server is stopping"};
/// A WebSocket handshake during a drain.
inline constexpr server_refusal no_new_websocket{overloaded, "this server is being stopped"};
/// /readyz from the announcement on.
inline constexpr server_refusal not_ready{overloaded, "draining"};
inline constexpr server_refusal head_too_slow{408, "the head took too long"};
inline constexpr server_refusal body_too_slow{408, "the body took too long"};
/// The timeout of the route, or of the client, has passed.
inline constexpr server_refusal answer_too_slow{504, "the answer took too long"};
inline constexpr server_refusal malformed_timeout{400, "malformed timeout"};

}  // namespace refusals

/// Which responses are the server's own.
struct own_mark {
  static response set(response r) noexcept {
    r.own_ = true;
    return r;
  }
  static bool is_own(const response& r) noexcept { return r.own_; }
};

/// 500, for a handler that failed.
response failure();
/// 503 and Retry-After, for a handler that stood on something that is not to be had. Its text is for the log only.
response answer_to(const unavailable&);

/// One line of text: "503 Service Unavailable: too many connections". With Retry-After if the status is `overloaded`.
response answer_of(server_refusal);

}  // namespace lastcall::inline v0::http::detail
