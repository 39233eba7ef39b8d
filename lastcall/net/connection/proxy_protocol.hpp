// The PROXY protocol, version 2: a header with the client's address, which a proxy sends before the client's bytes.
// Pure: reads no socket, and does not decide which proxies are trusted (trusted_networks.hpp).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

/// The longest header that is accepted, with its extensions (TLVs).
inline constexpr std::size_t most_proxy_header_bytes = 4096;

struct proxy_header {
  enum class kind : unsigned char { incomplete, complete, malformed };

  kind what = kind::incomplete;
  /// Complete: the size of the header. Incomplete: how many bytes to have before the next try; never beyond the header.
  std::size_t bytes = 0;
  /// Empty: the connection is the proxy's own (LOCAL), or the header has no address. Then the remote is the proxy.
  std::optional<endpoint> client = {};
  const char* why = "";  ///< for the log, if malformed
};

/// Parses the first bytes of a connection. Extensions must be complete; their contents are ignored.
/// Source: HAProxy's proxy-protocol.txt, section 2.2.
proxy_header parse_proxy_header(std::string_view bytes);

}  // namespace lastcall::inline v0::net
