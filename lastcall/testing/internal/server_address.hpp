// The address of a server, written as http://HOST:PORT, unix:PATH or unix:@NAME (abstract). Not a URL parser: no path,
// no https.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// An address to connect to, resolved.
struct server_address {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string host;  // for the Host field
  std::string text;  // as it was given

  int family() const noexcept { return address.ss_family; }
};

/// Parses `http://127.0.0.1:8080`, `http://[::1]:8080`, `http://name:80`, the same without `http://`, and `unix:PATH`;
/// ignores a slash at the end.   Errors: std::invalid_argument that names the text and the remedy.
/// Blocks: while it resolves a name.
server_address parse_server_address(std::string_view text);

}  // namespace lastcall::inline v0::testing
