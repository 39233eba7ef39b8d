// How a read or a write on a connection ended: one classification for sockets, Asio and our own code. It decides
// nothing; what to do is in the table below.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>
#include <system_error>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

/// What an operation says about its connection. Every ended connection is closed; the ends differ in what is done
/// first:
///
/// | end           | seen as                                | answer what is in flight | count as         | log  |
/// |---------------|----------------------------------------|--------------------------|------------------|------|
/// | `open`        | bytes, EAGAIN, EINTR                   | -                        | -                | no   |
/// | `orderly`     | a read of 0 bytes, Asio's eof          | yes: the remote may read | closed_by_remote | no   |
/// | `reset`       | ECONNRESET, ECONNABORTED, ENOTCONN     | no                       | reset_by_remote  | yes  |
/// | `broken_pipe` | EPIPE, ESHUTDOWN                       | no                       | reset_by_remote  | yes  |
/// | `timed_out`   | ETIMEDOUT (retransmission, keep-alive) | no                       | timed_out        | yes  |
/// | `cancelled`   | ECANCELED, EBADF: our own close        | no                       | by who cancelled | no   |
/// | `unreachable` | EHOSTUNREACH, ENETUNREACH, ENETDOWN…   | no                       | reset_by_remote  | yes  |
/// | `other`       | anything else                          | no                       | reset_by_remote  | yes  |
/// | `truncated`   | TLS: an end without close_notify       | as far as it is whole    | closed_by_remote | no   |
///
/// Whether a message is whole, HTTP and WebSocket know by themselves; a raw session's handler gets every byte that
/// came.
///
/// A read of 0 bytes comes again at once on the next read: whoever reads on without closing burns a core. `orderly`
/// ends the remote's sending only; whether it still reads is not known (close and half-close look the same from here)
/// until a write fails. `broken_pipe` comes from writes; the process must ignore SIGPIPE or send with MSG_NOSIGNAL to
/// see it.
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

/// What one read or write came to: either bytes moved, or nothing can move now, or it ended.
struct io_result {
  std::size_t bytes = 0;
  bool would_block = false;
  io_end end = io_end::open;
  bool unreadable = false;  ///< transmit_file: it ended because of the file; the connection is as it was
};

/// For an errno of read, write or SO_ERROR; 0 is `open`.
io_end classify_errno(int error) noexcept;

/// For errno in the generic or the system category, and for Asio's eof (`boost::system::error_code` converts).
io_end classify(const std::error_code& error) noexcept;

/// For what read or recv returned (not into an empty buffer, for which 0 is no end) and the errno it left.
inline io_end classify_read(ssize_t n, int error) noexcept {
  return n > 0 ? io_end::open : n == 0 ? io_end::orderly : classify_errno(error);
}

/// For what write or send returned and the errno it left.
inline io_end classify_write(ssize_t n, int error) noexcept { return n >= 0 ? io_end::open : classify_errno(error); }

/// Worth a line in the log, with the remote's address: neither open, nor orderly, nor our own doing, nor what many TLS
/// clients do.
constexpr bool abnormal(io_end end) noexcept {
  return end != io_end::open && end != io_end::orderly && end != io_end::cancelled && end != io_end::truncated;
}

/// For logs and metrics: "orderly end", "reset", "broken pipe", …
std::string_view to_text(io_end end) noexcept;

}  // namespace lastcall::inline v0::net
