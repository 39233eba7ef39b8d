// Asks the kernel for the handshakes on our port, by NETLINK_SOCK_DIAG, which needs no privilege.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/result.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::net {

/// The socket for such questions, to be opened while there are descriptors.
class sock_diag {
 public:
  /// Errors: none; the questions have them.
  sock_diag() noexcept;
  /// See the function below.
  result<std::size_t> handshakes_in_flight(const endpoint& local);

 private:
  unique_fd netlink_;
  int error_ = 0;            // why there is no socket
  std::uint32_t asked_ = 0;  // the number of the last question: a late answer to an earlier one is skipped
};

/// Counts the handshakes in flight (SYN received, last ACK missing) on the address and port of a listener, as
/// `listener::local` returns them. When the listener is unplugged, 0 means that no further client can connect.
///
/// In an SO_REUSEPORT group the kernel does not say to which member a handshake belongs: those of all are counted.
/// Handshakes for which the kernel sends SYN cookies are not known to it, and so not counted.
///
/// Blocks: while the kernel walks its table of all TCP sockets, whose size follows the machine's memory (2 to 3 ms with
/// 24 GB; docs/design/lossless-close.md). At most about a second.
/// Threads: any.
/// Errors: EINVAL for an endpoint that is not IP; EPROTONOSUPPORT, ENOENT and the like from kernels without inet_diag;
/// ETIMEDOUT.
result<std::size_t> handshakes_in_flight(const endpoint& local);

}  // namespace lastcall::inline v0::net
