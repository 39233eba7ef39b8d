// What is between a connection and its socket: TLS, and a proxy's header until it is complete. A plain connection has
// no transport.
#pragma once

#include <memory>
#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/tls/tls_channel.hpp"

namespace lastcall::inline v0::net::detail {

struct transport {
  std::unique_ptr<tls_channel> tls;     ///< null: no TLS
  std::unique_ptr<std::string> header;  ///< the part of the proxy's header that has come; null: none is expected
  time_point open_by{};                 ///< the deadline of header and handshake
  bool open = false;                    ///< both are complete; the protocol has begun
};

}  // namespace lastcall::inline v0::net::detail
