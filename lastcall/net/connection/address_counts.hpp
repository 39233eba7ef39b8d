// How many connections each address has, so that one client cannot take all. Only counts; the server refuses.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

/// An IPv6 address counts by its first 64 bits, since one client usually has such a network. Other families than IP are
/// not counted. Its size is at most that of the number of connections.
/// Threads: any. One lock for each connection, none for a request.
class address_counts {
 public:
  /// A connection begins. Returns how many the address has now; 0: not counted. Errors: std::bad_alloc.
  std::size_t enter(const endpoint& remote);
  /// A connection that was entered has ended.
  void leave(const endpoint& remote) noexcept;

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> counts_;  // by the bytes of the address: 4, or the first 8
};

}  // namespace lastcall::inline v0::net
