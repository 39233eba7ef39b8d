// The opening handshake of RFC 6455: whether a request is one, and what to answer. Sends nothing.
#pragma once

#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {
class request;
}

namespace lastcall::inline v0::ws {
struct stream_options;
}

namespace lastcall::inline v0::ws::detail {

struct handshake {
  int status = 101;              ///< else 400, 403 or 426
  const char* why = "";          ///< a text for people, unless the status is 101
  std::string accept = {};       ///< Sec-WebSocket-Accept
  std::string subprotocol = {};  ///< the one to use; empty: none
};

/// Reads the handshake of a GET or HEAD.   Source: RFC 6455 section 4.2.1.
handshake read_handshake(const http::request&, const stream_options&);

/// The answer to a Sec-WebSocket-Key.   Source: RFC 6455 section 4.2.2.
std::string accept_for(std::string_view key);

}  // namespace lastcall::inline v0::ws::detail
