// What the kernel knows about handshakes on our port, by NETLINK_SOCK_DIAG, which needs no privilege. Not a general
// socket lister.
#pragma once

#include <chrono>
#include <cstddef>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/result.hpp"
#include "lastcall/net/endpoint.hpp"

namespace lastcall::inline v0::net {

/// Counts the handshakes in flight (SYN received, its last ACK not yet) on the address and port of a listener, as
/// `listener::local` tells them. Once the listener is unplugged, 0 means: who could still connect, has.
///
/// The kernel can't tell the members of an SO_REUSEPORT group apart here. For a listener that was steered away from,
/// pass as `at_least_old` the time since then: younger handshakes are a sibling's. (A handshake's age is read off its
/// retransmission timer, which begins at 1 s; errors of a clock tick count as older.) Handshakes in which the kernel
/// fell back to SYN cookies leave no trace, so they are not counted.
///
/// Blocks: for as long as the kernel takes to walk its table of all TCP sockets, which grows with the machine's memory
/// rather than with its sockets (2 to 3 ms with 24 GB; docs/design/lossless-close.md). At most about a second.
/// Threads: any.
/// Errors: EINVAL for an endpoint that is not IP; EPROTONOSUPPORT, ENOENT and the like from kernels without inet_diag;
/// ETIMEDOUT.
result<std::size_t> handshakes_in_flight(const endpoint& local, duration at_least_old = duration::zero());

}  // namespace lastcall::inline v0::net
