// The address of the client when proxies stand in front of the server. Trusts a header only if its writer is trusted.
#pragma once

#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/trusted_networks.hpp"

namespace lastcall::inline v0::http {

class request;

using net::trusted_networks;

/// Which header the trusted proxies write. Only one: they pass on the other as the client sent it.
enum class forwarded_header : unsigned char { x_forwarded_for, forwarded };

/// The nearest address that is not trusted. The search begins at the connection's remote, and continues through the
/// header from its right end, as long as the writer of an entry is trusted. An entry that is malformed, "unknown" or
/// hidden ends the search: the result is then the writer of that entry. The port is 0 where none was given; `none` when
/// the remote is not known. Source: RFC 7239 section 4 to 6 for Forwarded.
net::endpoint client_address(const request& r, const trusted_networks& trusted,
                             forwarded_header header = forwarded_header::x_forwarded_for);

}  // namespace lastcall::inline v0::http
