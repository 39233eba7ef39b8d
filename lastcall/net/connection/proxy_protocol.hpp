// The PROXY protocol, version 2: what a proxy says of its client before the client's own bytes. Pure: it reads no
// socket and trusts nobody; who may say so is the server's choice (trusted_networks.hpp).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

/// The longest header that is taken, its extensions (TLVs) included.
inline constexpr std::size_t most_proxy_header_bytes = 4096;

struct proxy_header {
  enum class kind : unsigned char { incomplete, complete, malformed };

  kind what = kind::incomplete;
  /// Complete: the header's. Incomplete: how many there must be at least, never more than the header has.
  std::size_t bytes = 0;
  /// Empty: the proxy speaks for itself (LOCAL), or does not say; then the connection's own remote counts.
  std::optional<endpoint> client = {};
  const char* why = "";  ///< it is malformed
};

/// Of what a connection begins with. Extensions are checked to be whole and otherwise passed over.
/// Source: HAProxy's proxy-protocol.txt, section 2.2.
proxy_header parse_proxy_header(std::string_view bytes);

}  // namespace lastcall::inline v0::net
