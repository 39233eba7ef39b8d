// The bounds of a session: how much it holds, and how long each side may take.
#pragma once

#include <chrono>
#include <cstddef>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::net {

struct session_limits {
  /// Received and not read by the handler. When it is reached, nothing more is read, which slows the remote down.
  std::size_t input_bytes = 64 * 1024;
  /// Written by the handler and not sent. When it is reached, writes wait.
  std::size_t output_bytes = 64 * 1024;
  /// The idle timeout: without a byte in either direction. 0: none.
  duration idle_close_after = std::chrono::minutes(10);
  /// The longest time without progress while bytes wait for the remote. Progress: its kernel acknowledges some of them.
  duration write_time = std::chrono::seconds(30);
  /// Once told of a drain: how long the handler may wait for the remote. The handler's own work is not part of it, and
  /// may last until the drain end. The time begins anew when the handler waits again after longer work, and when the
  /// remote makes progress in reading.
  duration goodbye_time = std::chrono::seconds(3);
};

}  // namespace lastcall::inline v0::net
