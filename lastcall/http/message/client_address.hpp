// Who the client is when proxies stand before us. Believes nothing that a header says unless a network is trusted.
#pragma once

#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/trusted_networks.hpp"

namespace lastcall::inline v0::http {

class request;

using net::trusted_networks;

/// Which header our proxies write. One only: the other one they pass on as the client sent it.
enum class forwarded_header : unsigned char { x_forwarded_for, forwarded };

/// The nearest address that is not one of our own: from the connection's remote on, through the header from its right
/// end, as long as the one who wrote an entry is trusted. An entry that is malformed, "unknown" or hidden ends it: then
/// the one who wrote that entry counts. The port is 0 where none was given; `none` when the remote is not known.
/// Source: RFC 7239 section 4 to 6 for Forwarded.
net::endpoint client_address(const request& r, const trusted_networks& trusted,
                             forwarded_header header = forwarded_header::x_forwarded_for);

}  // namespace lastcall::inline v0::http
