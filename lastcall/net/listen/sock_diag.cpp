#include "lastcall/net/listen/sock_diag.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

namespace lastcall::inline v0::net {
namespace {

using namespace std::chrono_literals;

constexpr auto time_limit = 500ms;

bool concerns(const inet_diag_msg& message, const endpoint& local) {
  const auto address = local.address_bytes();
  return local.wildcard() || std::memcmp(message.id.idiag_src, address.data(), address.size()) == 0;
}

result<void> ask(int netlink, const endpoint& local, std::uint32_t number) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = number;
  // A handshake has the family of its listener: on a dual-stack listener those of IPv4 clients are listed under IPv6.
  request.body.sdiag_family = local.family() == endpoint::kind::ipv4 ? AF_INET : AF_INET6;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = 1U << TCP_SYN_RECV;
  request.body.id.idiag_sport = htons(local.port());  // the kernel drops other ports itself
  request.body.id.idiag_cookie[0] = request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(netlink, &request, sizeof request, 0) < 0) return std::errc{errno};
  return {};
}

result<std::size_t> count(int netlink, const endpoint& local, std::uint32_t number) {
  alignas(nlmsghdr) char buffer[16384];  // the most that the kernel writes at once
  std::size_t total = 0;
  for (const time_point end = steady().now() + time_limit; steady().now() < end;) {
    const ssize_t n = ::recv(netlink, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::errc{errno == EAGAIN ? ETIMEDOUT : errno};
    auto left = static_cast<unsigned>(n);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_seq != number) continue;
      if (m->nlmsg_type == NLMSG_DONE) return total;
      if (m->nlmsg_type == NLMSG_ERROR)
        return std::errc{-static_cast<nlmsgerr*>(NLMSG_DATA(m))->error};  // never an ack
      if (m->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return std::errc{EBADMSG};
      total += concerns(*static_cast<inet_diag_msg*>(NLMSG_DATA(m)), local) ? 1 : 0;
    }
  }
  return std::errc{ETIMEDOUT};
}

}  // namespace

sock_diag::sock_diag() noexcept : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {
  const timeval limit{0, std::chrono::microseconds(time_limit).count()};
  if (!netlink_ || ::setsockopt(netlink_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) error_ = errno;
}

result<std::size_t> sock_diag::handshakes_in_flight(const endpoint& local) {
  if (!local.ip() || local.port() == 0) return std::errc{EINVAL};
  if (error_ != 0) return std::errc{error_};
  if (const auto asked = ask(netlink_.get(), local, ++asked_); !asked) return asked.error();
  return count(netlink_.get(), local, asked_);
}

result<std::size_t> handshakes_in_flight(const endpoint& local) { return sock_diag().handshakes_in_flight(local); }

}  // namespace lastcall::inline v0::net
