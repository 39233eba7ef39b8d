// How much the server takes from a client, and what it answers beyond that. docs/limits.md has the same table.
//
//   member            default   beyond it
//   head_bytes        16 KiB    431; 414 when the request line alone is longer
//   header_count      100       431
//   body_bytes        1 MiB     413
//   max_connections   0         503 with Retry-After, then closed; 0: as many as the descriptor limit allows
//   max_connections_per_address 0   the same; 0: no bound. IPv6 counts by /64, Unix sockets do not
//   head_time         10 s      408, from the first byte of a head to its last
//   body_time         60 s      408, from the end of the head to the end of the body
//   idle_time         75 s      closed without an answer: no request was begun; before the first byte, head_time
//   write_time        30 s      cut: the client took no byte of its response for so long
//   max_streams       100       of one HTTP/2 connection at once; beyond it the connection ends with PROTOCOL_ERROR
#pragma once

#include <chrono>
#include <cstddef>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::http {

struct limits {
  std::size_t head_bytes = 16 * 1024;
  std::size_t header_count = 100;
  std::size_t body_bytes = 1024 * 1024;
  std::size_t max_connections = 0;
  duration head_time = std::chrono::seconds(10);
  duration body_time = std::chrono::seconds(60);
  duration idle_time = std::chrono::seconds(75);
  duration write_time = std::chrono::seconds(30);
  std::size_t max_connections_per_address = 0;
  std::size_t max_streams = 100;
};

/// Throws std::invalid_argument that names the member, its value and what is allowed: a head of 64 bytes to 1 MiB (it
/// is kept in one piece), 1 to 10,000 headers, as many streams, a body of up to 1 TiB (0: none), times above zero and
/// up to 24 h.
void check(const limits& l);

}  // namespace lastcall::inline v0::http
