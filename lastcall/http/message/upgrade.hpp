// What an answer of 101 has agreed on: the connection speaks it from then on. Knows no protocol; one derives from it.
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

/// Used once.   Threads: the loop's of its connection.
class upgrade {
 public:
  upgrade() = default;
  upgrade(const upgrade&) = delete;
  upgrade& operator=(const upgrade&) = delete;
  virtual ~upgrade() = default;

  /// As in the Upgrade header.
  virtual std::string_view protocol() const noexcept = 0;
  /// The connection in the place of `before`, which received `behind` after its request. The 101 is with the kernel.
  virtual std::unique_ptr<net::connection> make_replacement(net::connection& before, std::string behind, shard&) = 0;
};

}  // namespace lastcall::inline v0::http::detail
