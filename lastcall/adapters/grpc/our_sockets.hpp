// The sockets of gRPC, which shows none of its own: found among the descriptors of this process, by their addresses.
#pragma once

#include <dirent.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::grpc::detail {

/// What a ServerBuilder was told, and the port that came of it.
struct wanted_address {
  std::string text{};  ///< "127.0.0.1:0", "[::]:50051", "localhost:50051", "unix:/run/shop.sock", "unix-abstract:shop"
  std::uint16_t port = 0;  ///< not of a Unix-domain socket
};

/// `found` is where that address listens. Of a name or a wildcard the port decides.
bool is_at(const net::endpoint& found, const wanted_address& wanted);

/// 50051 of "[::]:50051"; 0: it has none.
std::uint16_t port_in(std::string_view address) noexcept;

/// The descriptors of this process. It stays open, since it could not be opened when none is left.   Threads: one at a
/// time.
class descriptor_list {
 public:
  /// Errors: std::runtime_error that begins with `name`.
  explicit descriptor_list(const std::string& name);
  void each(const function<void(int)>& f) const;

 private:
  struct closing {
    void operator()(DIR* of) const noexcept { ::closedir(of); }
  };
  std::unique_ptr<DIR, closing> all_;
};

struct found_listener {
  int fd = -1;
  net::endpoint local{};
};
/// Of this process. Several of one address are one SO_REUSEPORT group.   Blocks: some µs for each descriptor.
std::vector<found_listener> listeners_at(const descriptor_list& of, std::span<const wanted_address> wanted);

/// What the connections of our listeners do, all together.
struct connections_seen {
  std::size_t open = 0;
  duration quiet = duration::max();  ///< for so long none of them got or sent anything, and all has arrived
  duration round_trip{};             ///< the longest; zero for Unix-domain sockets
};
/// Blocks: as above.   Source: tcp(7), TCP_INFO.
connections_seen look_at_connections(const descriptor_list& of, std::span<const net::endpoint> listeners);

}  // namespace lastcall::inline v0::grpc::detail
