// What a connection becomes after an answer of 101. A protocol, such as WebSocket, derives from it.
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

/// Used once.   Threads: the connection's loop.
class upgrade {
 public:
  upgrade() = default;
  upgrade& operator=(upgrade&&) = delete;
  virtual ~upgrade() = default;

  /// As in the Upgrade header.
  virtual std::string_view protocol() const noexcept = 0;
  /// Makes the connection that replaces `before`. `behind`: the bytes that came after the request. The kernel has the
  /// 101.
  virtual std::unique_ptr<net::connection> make_replacement(net::connection& before, std::string behind, shard&) = 0;
};

}  // namespace lastcall::inline v0::http::detail
