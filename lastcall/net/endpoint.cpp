#include "lastcall/net/endpoint.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "lastcall/core/parse_number.hpp"

namespace lastcall::inline v0::net {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::string_view mapped_prefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);  // RFC 4291 section 2.5.5.2

std::optional<std::uint32_t> parse_scope(std::string_view text) {
  if (const auto index = lastcall::detail::parse_number<std::uint32_t>(text)) return index;
  const unsigned index = ::if_nametoindex(std::string(text).c_str());
  return index != 0 ? std::optional<std::uint32_t>(index) : std::nullopt;
}

}  // namespace

endpoint endpoint::from_sockaddr(const sockaddr_storage& address, socklen_t size) {
  endpoint e;
  if (address.ss_family == AF_INET && size >= sizeof(sockaddr_in)) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    e.kind_ = kind::ipv4;
    e.port_ = ntohs(in.sin_port);
    std::memcpy(e.address_.data(), &in.sin_addr, 4);
  } else if (address.ss_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address);
    e.kind_ = kind::ipv6;
    e.port_ = ntohs(in6.sin6_port);
    e.scope_ = in6.sin6_scope_id;
    std::memcpy(e.address_.data(), &in6.sin6_addr, 16);
  } else if (address.ss_family == AF_UNIX) {
    const auto& un = reinterpret_cast<const sockaddr_un&>(address);
    e.kind_ = kind::unix_path;
    if (size > offsetof(sockaddr_un, sun_path)) {
      const std::size_t room = size - offsetof(sockaddr_un, sun_path);
      // A path perhaps without a null at the end; an abstract name may have nulls in it.
      const std::size_t length = un.sun_path[0] == '\0' ? room : ::strnlen(un.sun_path, room);
      e.path_ = std::make_shared<const std::string>(un.sun_path, length);
    }
  }
  return e;
}

socklen_t endpoint::fill(sockaddr_storage& address) const noexcept {
  address = {};
  switch (kind_) {
    case kind::ipv4: {
      auto& in = reinterpret_cast<sockaddr_in&>(address);
      in.sin_family = AF_INET;
      in.sin_port = htons(port_);
      std::memcpy(&in.sin_addr, address_.data(), 4);
      return sizeof in;
    }
    case kind::ipv6: {
      auto& in6 = reinterpret_cast<sockaddr_in6&>(address);
      in6.sin6_family = AF_INET6;
      in6.sin6_port = htons(port_);
      in6.sin6_scope_id = scope_;
      std::memcpy(&in6.sin6_addr, address_.data(), 16);
      return sizeof in6;
    }
    case kind::unix_path: {
      auto& un = reinterpret_cast<sockaddr_un&>(address);
      un.sun_family = AF_UNIX;
      const std::size_t length = std::min(path().size(), sizeof un.sun_path - 1);
      std::memcpy(un.sun_path, path().data(), length);
      const std::size_t null = length != 0 && !abstract() ? 1 : 0;
      return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + null);
    }
    case kind::none:
      break;
  }
  return sizeof(sa_family_t);
}

std::string_view endpoint::address_bytes() const noexcept {
  return {address_.data(), kind_ == kind::ipv4 ? 4U : kind_ == kind::ipv6 ? 16U : 0U};
}

bool endpoint::wildcard() const noexcept {
  const auto bytes = address_bytes();
  return ip() && std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

bool endpoint::mapped() const noexcept { return kind_ == kind::ipv6 && address_bytes().starts_with(mapped_prefix); }

endpoint endpoint::unmapped() const {
  if (!mapped()) return *this;
  endpoint e;
  e.kind_ = kind::ipv4;
  e.port_ = port_;
  std::memcpy(e.address_.data(), address_.data() + mapped_prefix.size(), 4);
  return e;
}

endpoint endpoint::with_port(std::uint16_t port) const {
  endpoint e = *this;
  if (ip()) e.port_ = port;
  return e;
}

bool operator==(const endpoint& a, const endpoint& b) noexcept {
  return a.kind_ == b.kind_ && a.port_ == b.port_ && a.scope_ == b.scope_ && a.address_ == b.address_ &&
         a.path() == b.path();
}

result<endpoint> parse_address(std::string_view address, std::uint16_t port) {
  endpoint e;
  if (address.starts_with(unix_prefix)) {
    address.remove_prefix(unix_prefix.size());
    if (address.empty() || address.find('\0') != address.npos || port != 0) return std::errc::invalid_argument;
    if (address.size() >= sizeof(sockaddr_un::sun_path)) return std::errc::filename_too_long;
    if (address == "@") return std::errc::invalid_argument;
    std::string path(address);
    if (path.front() == '@') path.front() = '\0';
    e.kind_ = endpoint::kind::unix_path;
    e.path_ = std::make_shared<const std::string>(std::move(path));
    return e;
  }
  e.port_ = port;
  const bool bracketed = address.starts_with('[');
  if (bracketed) {
    if (!address.ends_with(']')) return std::errc::invalid_argument;
    address = address.substr(1, address.size() - 2);
  }
  const auto percent = address.find('%');
  const std::string digits(address.substr(0, percent));  // a copy, since inet_pton needs a null at the end
  if (digits.find('\0') != digits.npos) return std::errc::invalid_argument;
  if (!bracketed && percent == address.npos && ::inet_pton(AF_INET, digits.c_str(), e.address_.data()) == 1) {
    e.kind_ = endpoint::kind::ipv4;
    return e;
  }
  if (::inet_pton(AF_INET6, digits.c_str(), e.address_.data()) != 1) return std::errc::invalid_argument;
  e.kind_ = endpoint::kind::ipv6;
  if (percent != address.npos) {
    const auto scope = parse_scope(address.substr(percent + 1));
    if (!scope) return std::errc::invalid_argument;
    e.scope_ = *scope;
  }
  return e;
}

result<endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with(unix_prefix)) return parse_address(text, 0);
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::errc::invalid_argument;
  const auto address = text.substr(0, colon);
  if (!address.starts_with('[') && address.find(':') != address.npos)
    return std::errc::invalid_argument;  // where would the port begin?
  const auto port = lastcall::detail::parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return std::errc::invalid_argument;
  return parse_address(address, *port);
}

endpoint endpoint_of(std::string_view address, std::uint16_t port) {
  auto parsed = parse_address(address, port);
  if (parsed) return *std::move(parsed);
  std::string text = "address \"" + std::string(address) + '"';
  if (parsed.error() == std::errc::filename_too_long)
    text += ": a Unix-domain path has at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes";
  else if (address.starts_with(unix_prefix))
    text += port != 0 ? " with port " + std::to_string(port) + ": a Unix-domain socket has no port, give 0"
                      : ": no path; give unix:/path/of/socket or unix:@name";
  else
    text += ": not an IP address, and names are not looked up; give 127.0.0.1, ::1, 0.0.0.0, :: or unix:/path";
  throw std::invalid_argument(text);
}

std::string to_text(const endpoint& where) {
  if (where.family() == endpoint::kind::none) return "none";
  if (where.family() == endpoint::kind::unix_path) {
    std::string text = std::string(unix_prefix).append(where.path());
    if (where.abstract()) text[unix_prefix.size()] = '@';
    return text;
  }
  sockaddr_storage address;
  where.fill(address);
  char digits[INET6_ADDRSTRLEN];
  ::inet_ntop(address.ss_family, where.address_bytes().data(), digits, sizeof digits);
  const std::string port = ':' + std::to_string(where.port());
  if (where.family() == endpoint::kind::ipv4) return digits + port;
  const auto scope = reinterpret_cast<const sockaddr_in6&>(address).sin6_scope_id;
  return std::string("[") + digits + (scope != 0 ? '%' + std::to_string(scope) : "") + ']' + port;
}

}  // namespace lastcall::inline v0::net
