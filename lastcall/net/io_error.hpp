// How a read or a write on a connection ended: one classification for sockets, Asio and our own code.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

/// What the result of an operation means for its connection. A connection that has ended is closed; what is done before
/// depends on the end:
///
/// | end           | seen as                                | answer what is in flight | count as         | log  |
/// |---------------|----------------------------------------|--------------------------|------------------|------|
/// | `open`        | bytes, EAGAIN, EINTR                   | -                        | -                | no   |
/// | `orderly`     | a read of 0 bytes, Asio's eof          | yes: the remote may read | closed_by_remote | no   |
/// | `reset`       | ECONNRESET, ECONNABORTED, ENOTCONN     | no                       | reset_by_remote  | yes  |
/// | `broken_pipe` | EPIPE, ESHUTDOWN                       | no                       | reset_by_remote  | yes  |
/// | `timed_out`   | ETIMEDOUT (retransmission, keep-alive) | no                       | timed_out        | yes  |
/// | `cancelled`   | ECANCELED, EBADF: our own close        | no                       | by the canceller | no   |
/// | `unreachable` | EHOSTUNREACH, ENETUNREACH, ENETDOWN…   | no                       | reset_by_remote  | yes  |
/// | `other`       | anything else                          | no                       | reset_by_remote  | yes  |
/// | `truncated`   | TLS: an end without close_notify       | what is complete         | closed_by_remote | no   |
///
/// HTTP and WebSocket know whether a message is complete; the handler of a raw session gets every byte that came.
///
/// After `orderly` every read returns 0 bytes at once: a loop that reads on without closing uses a whole core. Only the
/// remote's sending has ended. Whether it still reads is not known until a write fails, since a close and a half-close
/// look the same. `broken_pipe` comes from writes, if SIGPIPE is ignored or MSG_NOSIGNAL is set.
enum class io_end : unsigned char {
  open,
  orderly,
  reset,
  broken_pipe,
  timed_out,
  cancelled,
  unreachable,
  other,
  truncated
};

/// The result of one read or write: bytes moved, or nothing can move now, or the connection ended.
struct io_result {
  std::size_t bytes = 0;
  bool would_block = false;
  io_end end = io_end::open;
  bool unreadable = false;  ///< transmit_file: the file could not be read; the connection is unchanged
};

/// Classifies an errno of read, write or SO_ERROR; 0 is `open`.
io_end classify_errno(int error) noexcept;

/// Classifies an errno in the generic or the system category, and Asio's eof (`boost::system::error_code` converts).
io_end classify(const std::error_code& error) noexcept;

/// Calls `call`, which reads or writes as the system calls do, again while a signal interrupts it. `at_zero`: what 0
/// bytes mean: `orderly` for a read into a buffer that is not empty, `open` for a write.
template <class Call> io_result move_bytes(io_end at_zero, Call call) noexcept {
  ssize_t n;
  do n = call();
  while (n < 0 && errno == EINTR);
  if (n > 0) return {.bytes = static_cast<std::size_t>(n)};
  if (n == 0) return {.end = at_zero};
  if (errno == EAGAIN) return {.would_block = true};
  return {.end = classify_errno(errno)};
}

/// It is logged, with the remote's address. Not so: open, orderly, our own close, and the end of many TLS clients.
constexpr bool abnormal(io_end end) noexcept {
  return end != io_end::open && end != io_end::orderly && end != io_end::cancelled && end != io_end::truncated;
}

/// For logs and metrics: "orderly end", "reset", "broken pipe", …
std::string_view to_text(io_end end) noexcept;

}  // namespace lastcall::inline v0::net
