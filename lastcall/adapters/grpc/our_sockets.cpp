#include "lastcall/adapters/grpc/our_sockets.hpp"

#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>

#include "lastcall/net/listen/listener.hpp"

namespace lastcall::inline v0::grpc::detail {

namespace {

std::optional<net::endpoint> local_address(int fd) {
  sockaddr_storage name;
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return std::nullopt;
  auto local = net::endpoint::from_sockaddr(name, size);
  if (local.family() == net::endpoint::kind::none) return std::nullopt;
  return local;
}

template <class F> void each_descriptor(const F& f) {
  const std::unique_ptr<DIR, decltype([](DIR* of) { ::closedir(of); })> all(::opendir("/proc/self/fd"));
  if (!all) return;
  while (const dirent* const one = ::readdir(all.get()))
    if (one->d_name[0] != '.') f(std::atoi(one->d_name));
}

// The port, or the path; a connection of a wildcard listener has the address that its client knows.
bool of_listener(const net::endpoint& local, const net::endpoint& listener) {
  if (local.ip() != listener.ip() || local.port() != listener.port() || local.path() != listener.path()) return false;
  return !local.ip() || listener.wildcard() || local.unmapped() == listener.unmapped();
}

void look_at_connection(int fd, connections_seen& into) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;  // Unix-domain
  into.round_trip = std::max<duration>(into.round_trip, std::chrono::microseconds(info.tcpi_rtt));
  const bool all_arrived = info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0;
  const auto since = std::min(info.tcpi_last_data_recv, info.tcpi_last_ack_recv);
  into.quiet = std::min<duration>(into.quiet, all_arrived ? std::chrono::milliseconds(since) : duration::zero());
}

}  // namespace

bool is_at(const net::endpoint& found, const wanted_address& wanted) {
  const auto stated = net::parse_endpoint(wanted.text);
  if (stated && !stated->ip()) return found.path() == stated->path();
  if (!found.ip() || found.port() != wanted.port) return false;
  return !stated || stated->wildcard() || found.unmapped() == stated->with_port(wanted.port);
}

std::uint16_t port_in(std::string_view address) noexcept {
  const std::string_view digits = address.substr(std::min(address.rfind(':'), address.size() - 1) + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() ? port : 0;
}

std::vector<found_listener> listeners_at(std::span<const wanted_address> wanted) {
  std::vector<found_listener> all;
  each_descriptor([&](int fd) {
    const auto local = net::listening_at(fd);
    if (local && std::ranges::any_of(wanted, [&](const wanted_address& one) { return is_at(*local, one); }))
      all.push_back({.fd = fd, .local = *local});
  });
  return all;
}

connections_seen look_at_connections(std::span<const net::endpoint> listeners) {
  connections_seen seen;
  each_descriptor([&](int fd) {
    const auto local = local_address(fd);
    if (!local || net::listens(fd) ||
        std::ranges::none_of(listeners, [&](const net::endpoint& one) { return of_listener(*local, one); }))
      return;
    ++seen.open;
    look_at_connection(fd, seen);
  });
  return seen;
}

}  // namespace lastcall::inline v0::grpc::detail
