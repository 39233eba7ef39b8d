#include "lastcall/testing/internal/server_address.hpp"

#include <netdb.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace lastcall::inline v0::testing {

namespace {

[[noreturn]] void refuse_address(std::string_view text, const std::string& why) {
  throw std::invalid_argument("address '" + std::string(text) + "': " + why +
                              "; give http://HOST:PORT, http://[IPV6]:PORT, unix:PATH or unix:@NAME");
}

server_address local(std::string_view text, std::string_view path) {
  server_address e;
  auto& address = reinterpret_cast<sockaddr_un&>(e.address);
  if (path.empty() || path == "@") refuse_address(text, "the path is missing");
  if (path.size() >= sizeof address.sun_path) refuse_address(text, "the path is longer than 107 bytes");
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool abstract = path.front() == '@';  // a null in its place; all bytes count, and none is behind: unix(7)
  if (abstract) address.sun_path[0] = '\0';
  e.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  e.host = "localhost";
  return e;
}

server_address resolved(std::string_view text, const std::string& host, const std::string& port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &list);
  if (error != 0) refuse_address(text, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  server_address e;
  std::memcpy(&e.address, list->ai_addr, list->ai_addrlen);
  e.length = list->ai_addrlen;
  return e;
}

}  // namespace

server_address parse_server_address(std::string_view text) {
  auto rest = text;
  server_address e;
  if (rest.starts_with("unix:")) {
    e = local(text, rest.substr(5));
  } else {
    if (rest.starts_with("https://")) refuse_address(text, "TLS is not spoken here");
    if (rest.starts_with("http://")) rest.remove_prefix(7);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const auto colon = rest.rfind(':');
    if (colon == rest.npos || colon + 1 == rest.size()) refuse_address(text, "the port is missing");
    auto host = rest.substr(0, colon);
    const auto port = rest.substr(colon + 1);
    if (port.find_first_not_of("0123456789") != port.npos || port.size() > 5 || std::stoi(std::string(port)) > 65535) {
      refuse_address(text, "'" + std::string(port) + "' is not a port");
    }
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != host.npos) {
      refuse_address(text, "an IPv6 address belongs into brackets");
    }
    if (host.empty()) refuse_address(text, "the host is missing");
    e = resolved(text, std::string(host), std::string(port));
    e.host = rest;
  }
  e.text = text;
  return e;
}

}  // namespace lastcall::inline v0::testing
