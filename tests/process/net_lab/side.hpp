// One end of the lab: a private network namespace whose only way out is a TAP device that somebody carries packets for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/listen.hpp"

namespace net_lab {

/// Addresses of one end; the other end is in the same /24 and known from the start, so that no ARP is ever needed.
struct side_address {
  const char* own;
  const char* remote;
  unsigned char own_mac;  // the last byte of 02:00:0a:4d:00:xx
  unsigned char remote_mac;
};

inline constexpr side_address server_address{"10.77.0.1", "10.77.0.2", 1, 2};
inline constexpr side_address client_address{"10.77.0.2", "10.77.0.1", 2, 1};

/// Lives as long as its descriptors: nothing is left in /run/netns. A TAP device without a request for more has no
/// offloads: each frame is as it would be on a wire, checksummed and at most 1,514 bytes. Threads: a namespace belongs
/// to a thread; every member acts on the calling one.
class side {
 public:
  /// Leaves the calling thread inside the new namespace.
  /// Errors: std::system_error that names the step; EPERM without CAP_SYS_ADMIN and CAP_NET_ADMIN.
  explicit side(const side_address&);

  /// What this thread opens and starts from now on is here.
  void enter() const;

  /// Non-blocking; reads and writes one frame at a time.
  int frames() const noexcept { return tap_.get(); }

  /// A counter of /proc/net/snmp or netstat, as "Tcp" "OutRsts". Zero when this kernel does not have it. Enters.
  std::uint64_t counter(std::string_view group, std::string_view name) const;

  /// Frames that the kernel dropped because nobody fetched them in time. Enters.
  std::uint64_t dropped() const;

 private:
  lastcall::net::unique_fd namespace_;
  lastcall::net::unique_fd tap_;
};

}  // namespace net_lab
