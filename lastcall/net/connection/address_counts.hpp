// How many connections each address has: one client must not take all the room. Counts only; who is refused, the
// server decides.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

/// An IPv4 address counts for itself, and IPv6 by its first 64 bits, since a client usually has all of those; what is
/// no IP address is not counted. As large as there are connections.
/// Threads: every member from any; a lock for each connection, not for each request.
class address_counts {
 public:
  /// How many that makes, this one included; 0 for what is not counted.
  std::size_t enter(const endpoint& remote);
  void leave(const endpoint& remote) noexcept;

 private:
  struct key {
    explicit key(const endpoint& remote) noexcept;
    bool operator==(const key&) const = default;
    std::array<char, 8> bytes{};
    endpoint::kind family;
  };
  struct hash {
    std::size_t operator()(const key& k) const noexcept;
  };

  std::mutex mutex_;
  std::unordered_map<key, std::size_t, hash> counts_;
};

}  // namespace lastcall::inline v0::net
