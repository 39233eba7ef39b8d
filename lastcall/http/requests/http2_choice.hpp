// How an HTTP/1.1 connection is replaced by one that speaks HTTP/2. h1 must not include h2, so it calls this;
// server/protocol_choice fills it in.
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

struct http2_choice {
  /// The first bytes of a client.   Source: RFC 9113 section 3.4.
  std::string_view preface;
  /// The answer of a server that is full: a GOAWAY.
  std::string_view turned_away;
  /// Makes the connection that replaces `before`. `received`: the bytes that `before` received and did not use.
  std::unique_ptr<net::connection> (*replacement)(shard&, net::connection& before, std::string received);
};

}  // namespace lastcall::inline v0::http::detail
