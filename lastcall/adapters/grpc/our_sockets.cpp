#include "lastcall/adapters/grpc/our_sockets.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <system_error>

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

/// As gRPC says it: "unix:///run/a", "unix:a" (relative), "unix-abstract:a".
std::optional<net::endpoint> stated_in(std::string_view text) {
  constexpr std::string_view abstract = "unix-abstract:";
  std::string ours(text);
  if (text.starts_with(abstract)) ours = "unix:@" + std::string(text.substr(abstract.size()));
  const auto stated = net::parse_endpoint(ours);
  return stated ? std::optional(*stated) : std::nullopt;
}

/// "/run/a" of "///run/a", as gRPC binds "unix:///run/a".
std::string_view without_slashes(std::string_view path) {
  while (path.starts_with("//")) path.remove_prefix(1);
  return path;
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
  const auto stated = stated_in(wanted.text);
  if (stated && !stated->ip()) return !found.ip() && without_slashes(found.path()) == without_slashes(stated->path());
  if (!found.ip() || found.port() != wanted.port) return false;
  return !stated || stated->wildcard() || found.unmapped() == stated->with_port(wanted.port);
}

std::uint16_t port_in(std::string_view address) noexcept {
  const std::string_view digits = address.substr(std::min(address.rfind(':'), address.size() - 1) + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() ? port : 0;
}

descriptor_list::descriptor_list(const std::string& name) : all_(::opendir("/proc/self/fd")) {
  const int why = errno;
  if (!all_)
    throw std::runtime_error(
        name + ": can't read /proc/self/fd, by which it finds gRPC's sockets: " + std::generic_category().message(why) +
        (why == EMFILE ? "; raise the limit of open files" : "; mount /proc"));
}

void descriptor_list::each(const function<void(int)>& f) const {
  ::rewinddir(all_.get());
  while (const dirent* const one = ::readdir(all_.get()))
    if (one->d_name[0] != '.') f(std::atoi(one->d_name));
}

std::vector<found_listener> listeners_at(const descriptor_list& of, std::span<const wanted_address> wanted) {
  std::vector<found_listener> all;
  of.each([&](int fd) {
    const auto local = net::listening_at(fd);
    if (local && std::ranges::any_of(wanted, [&](const wanted_address& one) { return is_at(*local, one); }))
      all.push_back({.fd = fd, .local = *local});
  });
  return all;
}

connections_seen look_at_connections(const descriptor_list& of, std::span<const net::endpoint> listeners) {
  connections_seen seen;
  of.each([&](int fd) {
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
