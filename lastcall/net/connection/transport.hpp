// What stands between a connection and its socket: a proxy's header still to come, and TLS. A plain connection has none
// of it.
#pragma once

#include <memory>
#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/tls/tls_channel.hpp"

namespace lastcall::inline v0::net::detail {

struct transport {
  std::unique_ptr<tls_channel> tls;     ///< null: none
  std::unique_ptr<std::string> header;  ///< of the proxy, as far as it has come; null: none, or it is complete
  time_point open_by{};
  bool open = false;  ///< the protocol has its turn
};

}  // namespace lastcall::inline v0::net::detail
