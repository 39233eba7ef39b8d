#include "lastcall/core/exit/try_write_stderr.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace lastcall::inline v0 {

void try_write_stderr(std::string_view text) noexcept {
  pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  // Only POLLOUT, nothing else: an error beside it means that the reader is gone, and a write would raise SIGPIPE.
  if (poll(&out, 1, 0) != 1 || out.revents != POLLOUT) return;
  // A pipe that is ready takes PIPE_BUF (4096) bytes without blocking.   Source: pipe(7).
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), 4096));
}

}  // namespace lastcall::inline v0
