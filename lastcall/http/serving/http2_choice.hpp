// How a connection that began as HTTP/1.1 goes on in HTTP/2, for who does not know HTTP/2. server/protocol_choice fills
// it in.
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
  /// What a client begins with.   Source: RFC 9113 section 3.4.
  std::string_view preface;
  /// What a client is sent for which there is no room: a GOAWAY.
  std::string_view turned_away;
  /// The connection in the place of `before`, which has received, and not used, the preface or a part of it.
  std::unique_ptr<net::connection> (*replacement)(shard&, net::connection& before, std::string received);
};

}  // namespace lastcall::inline v0::http::detail
