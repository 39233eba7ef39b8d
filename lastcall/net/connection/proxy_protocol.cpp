#include "lastcall/net/connection/proxy_protocol.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace lastcall::inline v0::net {

namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_bytes = 16;

unsigned byte(std::string_view in, std::size_t at) noexcept { return static_cast<unsigned char>(in[at]); }
std::size_t number(std::string_view in, std::size_t at) noexcept { return byte(in, at) << 8 | byte(in, at + 1); }

template <class Address> endpoint endpoint_from(const Address& address, std::size_t size = sizeof(Address)) {
  sockaddr_storage all{};
  std::memcpy(&all, &address, sizeof address);
  return endpoint::from_sockaddr(all, static_cast<socklen_t>(size));
}

endpoint ipv4(std::string_view addresses) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  std::memcpy(&a.sin_addr, addresses.data(), 4);
  std::memcpy(&a.sin_port, addresses.data() + 8, 2);
  return endpoint_from(a);
}

endpoint ipv6(std::string_view addresses) {
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  std::memcpy(&a.sin6_addr, addresses.data(), 16);
  std::memcpy(&a.sin6_port, addresses.data() + 32, 2);
  return endpoint_from(a).unmapped();
}

endpoint unix_path(std::string_view addresses) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  const std::size_t size = std::min(addresses.substr(0, 108).find('\0'), sizeof a.sun_path - 1);
  std::memcpy(a.sun_path, addresses.data(), size);
  return endpoint_from(a, offsetof(sockaddr_un, sun_path) + (size > 0 ? size + 1 : 0));
}

/// An extension has a type of one byte, a length of two bytes, and that many bytes.
bool whole_extensions(std::string_view rest) noexcept {
  while (!rest.empty()) {
    if (rest.size() < 3 || rest.size() - 3 < number(rest, 1)) return false;
    rest.remove_prefix(3 + number(rest, 1));
  }
  return true;
}

}  // namespace

proxy_header parse_proxy_header(std::string_view bytes) {
  using kind = proxy_header::kind;
  const auto malformed = [](const char* why) { return proxy_header{.what = kind::malformed, .why = why}; };
  const std::size_t begun = std::min(bytes.size(), signature.size());
  if (bytes.substr(0, begun) != signature.substr(0, begun)) return malformed("there is no PROXY header of version 2");
  if (bytes.size() < fixed_bytes) return {.bytes = fixed_bytes};

  const unsigned version = byte(bytes, 12) >> 4, command = byte(bytes, 12) & 15;
  const unsigned family = byte(bytes, 13) >> 4, transport = byte(bytes, 13) & 15;
  const std::size_t size = fixed_bytes + number(bytes, 14);
  if (version != 2) return malformed("its version is not 2");
  if (command > 1) return malformed("its command is neither LOCAL nor PROXY");
  if (size > most_proxy_header_bytes) return malformed("it is too long");
  if (bytes.size() < size) return {.bytes = size};
  if (command == 0) return {.what = kind::complete, .bytes = size};  // LOCAL: the rest is ignored

  if (family > 3 || transport > 2) return malformed("its address family or transport is unknown");
  const std::string_view all = bytes.substr(fixed_bytes, size - fixed_bytes);
  if (family == 0 || transport == 0) return {.what = kind::complete, .bytes = size};
  if (transport != 1) return malformed("its client did not come by a stream");
  constexpr std::size_t sizes[] = {0, 12, 36, 216};
  if (all.size() < sizes[family]) return malformed("it is too short for its addresses");
  if (!whole_extensions(all.substr(sizes[family]))) return malformed("an extension does not fit in");
  return {.what = kind::complete,
          .bytes = size,
          .client = family == 1   ? ipv4(all)
                    : family == 2 ? ipv6(all)
                                  : unix_path(all)};
}

}  // namespace lastcall::inline v0::net
