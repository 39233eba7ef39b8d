// Where a socket listens or who is at its other end: an IP address and port, or a Unix-domain path. Names are not
// looked up; there is no DNS in here.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lastcall/core/result.hpp"

namespace lastcall::inline v0::net {

/// A value of 40 bytes, as one is kept for each connection; copies of a path share it.
class endpoint {
 public:
  enum class kind : unsigned char { none, ipv4, ipv6, unix_path };

  endpoint() noexcept = default;

  /// From what accept, getsockname and getpeername fill in. A client's unnamed Unix socket has an empty path; of an
  /// abstract one, which we do not listen on, no more is kept. Families other than these three give `none`.
  static endpoint from_sockaddr(const sockaddr_storage& address, socklen_t size);

  /// Writes what bind and connect take; returns its size. A path that is too long for the kernel (107 bytes) cannot be
  /// parsed in the first place.
  socklen_t fill(sockaddr_storage& address) const noexcept;

  kind family() const noexcept { return kind_; }
  bool ip() const noexcept { return kind_ == kind::ipv4 || kind_ == kind::ipv6; }
  std::uint16_t port() const noexcept { return port_; }
  std::string_view path() const noexcept { return path_ ? std::string_view(*path_) : std::string_view(); }

  /// 0.0.0.0 or ::, so every address of the machine.
  bool wildcard() const noexcept;

  /// IPv4 in the form in which a dual-stack socket sees it (0:0:0:0:0:ffff:127.0.0.1).
  bool mapped() const noexcept;

  /// The IPv4 endpoint for a mapped one; any other as it is.
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

/// "127.0.0.1", "::1", "[::1]", "fe80::1%eth0", "0.0.0.0", "::", or "unix:/path", for which the port must be 0.
/// Errors: `std::errc::invalid_argument`, to which the caller adds the value; `std::errc::filename_too_long`.
result<endpoint> parse_address(std::string_view address, std::uint16_t port);

/// The inverse of `to_text`: "127.0.0.1:8080", "[::1]:8080", "unix:/path".   Errors: as `parse_address`.
result<endpoint> parse_endpoint(std::string_view text);

/// `parse_address` for options.   Errors: throws `std::invalid_argument` that names the value and the remedy.
endpoint endpoint_of(std::string_view address, std::uint16_t port);

/// "127.0.0.1:8080", "[fe80::1%2]:8080", "unix:/path", "unix:" for an unnamed remote, "none".
std::string to_text(const endpoint& where);

}  // namespace lastcall::inline v0::net
