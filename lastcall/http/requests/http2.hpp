// How an HTTP/1.1 connection is replaced by one that speaks HTTP/2. h1 must not include h2, so it includes this.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {
class connection;
}

namespace lastcall::inline v0::http::detail {

class shard;

/// The first bytes of a client.   Source: RFC 9113 section 3.4.
inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a full server says, before it has read anything of the client: SETTINGS without an entry; GOAWAY with last
/// stream 0 and NO_ERROR. So all that the client sends is safe to send again.
inline constexpr std::string_view http2_turned_away{
    "\0\0\0\4\0\0\0\0\0"
    "\0\0\10\7\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0",
    26};

/// Makes the connection that replaces `before`. `received`: the bytes that `before` received and did not use. Defined
/// in h2/h2_connection.cpp.
std::unique_ptr<net::connection> http2_connection(shard&, net::connection& before, std::string received);

}  // namespace lastcall::inline v0::http::detail
