// The part of listener that keeps new clients away. Reasons and measurements: docs/design/lossless-close.md.
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <climits>
#include <cstddef>
#include <iterator>

#include "lastcall/core/enum_names.hpp"
#include "lastcall/net/listen/listener.hpp"

namespace lastcall::inline v0::net {
namespace {

template <std::size_t n> bool attach(int fd, int option, sock_filter (&code)[n]) noexcept {
  const sock_fprog program{static_cast<unsigned short>(n), code};
  return ::setsockopt(fd, SOL_SOCKET, option, &program, sizeof program) == 0;
}

// Binds the socket to an interface that does not exist. No new SYN finds it then; handshakes in flight and the accept
// queue refer to it by pointer, and continue. Since Linux 5.7 no privilege is needed for a socket that is not bound to
// an interface yet.
bool unplug(int fd) noexcept {
  const int nowhere = INT_MAX;
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &nowhere, sizeof nowhere) == 0) return true;
  int now = 0;  // another process that shares the socket may have done it
  socklen_t size = sizeof now;
  return ::getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &now, &size) == 0 && now == nowhere;
}

// Drops SYN without ACK. Connections that are accepted later inherit the filter, and never send such a packet.
bool filter(int fd) noexcept {
  constexpr __u32 flags_offset = offsetof(tcphdr, th_flags);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_offset),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffffU),
  };
  return attach(fd, SO_ATTACH_FILTER, code);
}

}  // namespace

closing_way keep_clients_away(int listening, closing_way preferred) noexcept {
  if (preferred != closing_way::filter && unplug(listening)) return closing_way::unplug;
  if (filter(listening)) return closing_way::filter;
  return closing_way::accept_until_empty;
}

closing_way listener::begin_close(closing_way preferred) noexcept {
  if (closing_) return *closing_;
  const auto choose = [&] {
    if (let_go()) return closing_way::leave;
    if (preferred == closing_way::plain || preferred == closing_way::accept_until_empty ||
        preferred == closing_way::leave)
      return preferred;
    if (local_.family() == endpoint::kind::unix_path) {
      // Where the socket has still a name, abstract or perhaps another one, the kernel is to refuse new clients; the
      // queue stays.
      if (local_.abstract() || !remove_path()) ::shutdown(fd(), SHUT_RD);
      return closing_way::remove_path;
    }
    return keep_clients_away(fd(), preferred);
  };
  closing_ = choose();
  return *closing_;
}

std::string_view to_text(closing_way way) noexcept {
  constexpr std::string_view names[] = {"unplug", "filter", "remove path", "accept until empty", "plain", "leave"};
  static_assert(std::size(names) == lastcall::detail::enum_count<closing_way>());
  return names[static_cast<std::size_t>(way)];
}

}  // namespace lastcall::inline v0::net
