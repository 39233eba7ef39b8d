// For tests: servers that no app drives, which echo lines: a protocol without words for a goodbye.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "lastcall/net/tcp/tcp_server.hpp"

namespace lastcall::inline v0::testing_net {

inline task<> echo_lines(net::tcp_stream s) {
  while (auto line = co_await s.read_until()) {
    const std::string said = std::string(*line) + "\n";
    if (!co_await s.write(said)) co_return;
  }
}

/// On a free port of the loopback interface.
inline net::tcp_server_options local_tcp(net::session_handler h = net::session_handler(echo_lines)) {
  return {.address = "127.0.0.1",
          .handler = std::move(h),
          .jitter = std::chrono::seconds(0),
          .linger = std::chrono::seconds(5)};
}

}  // namespace lastcall::inline v0::testing_net
