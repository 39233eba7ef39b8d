// Where a Redis server is and who connects, as a URL says it. Pure: resolves nothing.
#pragma once

#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::redis::detail {

struct address {
  std::string host{};  ///< a name, or an address without brackets
  std::string port{};
  std::string path{};  ///< of a Unix socket; then there is no host
  std::string user{};
  std::string password{};
  int database = 0;

  bool operator==(const address&) const = default;
};

/// redis://[[user][:password]@]host[:port][/database] or unix:/path[?db=N]. User and password may be percent-encoded.
/// Errors: std::invalid_argument: what is wrong, and an example. Neither has the user or the password.
address parse_address(const std::string& url);

}  // namespace lastcall::inline v0::redis::detail
