// How much the server takes from a client, and what it answers beyond that. docs/limits.md is its table, with what is
// allowed.
#pragma once

#include <chrono>
#include <cstddef>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::http {

struct limits {
  std::size_t head_bytes = 16 * 1024;             ///< beyond it 431; 414 when the request line alone is longer
  std::size_t header_count = 100;                 ///< 431
  std::size_t body_bytes = 1024 * 1024;           ///< 413
  std::size_t max_connections = 0;                ///< 503, then closed. 0: as many as the descriptor limit allows
  duration head_time = std::chrono::seconds(10);  ///< 408, from the first byte of a head to its last
  duration body_time = std::chrono::seconds(60);  ///< 408, from the end of the head to the end of the body
  duration idle_close_after = std::chrono::seconds(75);  ///< closed without an answer. Before the first byte: head_time
  duration write_time = std::chrono::seconds(30);        ///< cut: the client took no byte of its response for so long
  std::size_t max_connections_per_address = 0;           ///< 503. 0: no bound. IPv6 by /64, Unix sockets do not count
  std::size_t max_streams = 100;                         ///< of one HTTP/2 connection at once: PROTOCOL_ERROR
};

/// Throws std::invalid_argument that names the member, its value and what is allowed.
void check(const limits& l);

}  // namespace lastcall::inline v0::http
