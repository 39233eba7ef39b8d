// Which protocol a connection speaks once TLS stands. It speaks none itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lastcall/http/detail/shard.hpp"
#include "lastcall/net/connection.hpp"

namespace lastcall::inline v0::http::detail {

/// What the server offers by ALPN, the preferred one first.
std::vector<std::string> offered_protocols();

/// The heir of `before`, an h1_connection of which no byte was read, that speaks what ALPN agreed on. Null: HTTP/1.1.
std::unique_ptr<net::connection> make_protocol(shard& on, net::connection& before);

}  // namespace lastcall::inline v0::http::detail
