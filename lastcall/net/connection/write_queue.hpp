// The write queue of a connection: the bytes that the kernel had no room for, and whether the remote makes progress in
// receiving. Pure: calls no socket, reads no clock and limits nothing; the connection does that.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/net/connection/byte_queue.hpp"

namespace lastcall::inline v0::net {

class write_queue : private byte_queue {
 public:
  using byte_queue::append;
  using byte_queue::empty;
  using byte_queue::size;

  /// What the kernel does not have yet. Valid until the next `append`, `take` or `sent`.
  std::string_view unsent() const noexcept { return view(); }
  /// Takes over the buffer `out`, of which the kernel has the first `sent` bytes and not all, without a copy; `out` is
  /// empty after it. Only while the queue is empty.
  void take(std::string& out, std::size_t sent) noexcept { swap_in(out, sent); }
  /// The kernel took that many bytes more, at most `size()`.
  void sent(std::size_t bytes) noexcept { drop_front(bytes); }

  /// Looks for progress: whether the remote has acknowledged bytes since the last look, so that fewer are
  /// unacknowledged now. The kernel announces room only in large steps, and a slow remote may read for long without
  /// one. To be called after each write (when the result means nothing), and before a deadline counts.
  bool look(std::size_t unacknowledged) noexcept {
    return unacknowledged < std::exchange(unacknowledged_, unacknowledged);
  }

 private:
  std::size_t unacknowledged_ = 0;
};

}  // namespace lastcall::inline v0::net
