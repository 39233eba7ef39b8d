// The address of a socket, local or remote: IP address and port, or a Unix-domain path. Does not look up names.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lastcall/core/result.hpp"

namespace lastcall::inline v0::net {

/// 40 bytes, since each connection keeps one. Copies share the string of a path.
class endpoint {
 public:
  enum class kind : unsigned char { none, ipv4, ipv6, unix_path };

  endpoint() noexcept = default;

  /// From the result of accept, getsockname or getpeername. Unnamed Unix sockets have an empty path. Other families
  /// than these three are `none`.
  static endpoint from_sockaddr(const sockaddr_storage& address, socklen_t size);

  /// Writes the argument of bind and connect; returns its size. A path fits: parse_address refuses longer ones (107).
  socklen_t fill(sockaddr_storage& address) const noexcept;

  kind family() const noexcept { return kind_; }
  bool ip() const noexcept { return kind_ == kind::ipv4 || kind_ == kind::ipv6; }
  std::uint16_t port() const noexcept { return port_; }
  /// Of an abstract Unix socket, whose name is no file: the name behind a null.   Source: unix(7).
  std::string_view path() const noexcept { return path_ ? std::string_view(*path_) : std::string_view(); }
  bool abstract() const noexcept { return path().starts_with('\0'); }

  /// 0.0.0.0 or ::, which is every address of the machine.
  bool wildcard() const noexcept;

  /// An IPv4 address as a dual-stack socket shows it (0:0:0:0:0:ffff:127.0.0.1).
  bool mapped() const noexcept;

  /// The IPv4 endpoint of a mapped one; any other unchanged.
  endpoint unmapped() const;

  endpoint with_port(std::uint16_t port) const;

  /// 4 or 16 bytes in network order; empty if not `ip()`.
  std::string_view address_bytes() const noexcept;

  friend bool operator==(const endpoint& a, const endpoint& b) noexcept;

 private:
  friend result<endpoint> parse_address(std::string_view, std::uint16_t);

  kind kind_ = kind::none;
  std::uint16_t port_ = 0;
  std::uint32_t scope_ = 0;  // an interface's index, for link-local IPv6
  std::array<char, 16> address_{};
  std::shared_ptr<const std::string> path_;
};

/// "127.0.0.1", "::1", "[::1]", "fe80::1%eth0", "0.0.0.0", "::", "unix:/path", or "unix:@name" for an abstract one; for
/// the last two the port must be 0.
/// Errors: `std::errc::invalid_argument`, to which the caller adds the value; `std::errc::filename_too_long`.
result<endpoint> parse_address(std::string_view address, std::uint16_t port);

/// The inverse of `to_text`: "127.0.0.1:8080", "[::1]:8080", "unix:/path".   Errors: as `parse_address`.
result<endpoint> parse_endpoint(std::string_view text);

/// `parse_address` for options.   Errors: throws `std::invalid_argument` that names the value and the remedy.
endpoint endpoint_of(std::string_view address, std::uint16_t port);

/// "127.0.0.1:8080", "[fe80::1%2]:8080", "unix:/path", "unix:@name", "unix:" for an unnamed remote, "none".
std::string to_text(const endpoint& where);

}  // namespace lastcall::inline v0::net
