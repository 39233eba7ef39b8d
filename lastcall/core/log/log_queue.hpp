// Lines of log on their way to a descriptor that may be slow: a bounded queue and one thread that writes. Chooses
// neither lines nor levels (log.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// One line a record, at most 4,096 bytes, whole lines in one write. What finds the queue full is dropped; a line with
/// the number of those dropped stands where they are missing. The thread ("lastcall-log") begins with the first line
/// and takes no signals. A child that forks without exec writes nothing.
/// Threads: every member from any; `write` waits for no reader.
class log_queue {
 public:
  static constexpr std::size_t default_bytes = 256 * 1024;

  /// Writes to a copy of the descriptor; only standard error is used as it is, wherever it is redirected to.
  /// Errors: std::system_error when there is no descriptor left.
  explicit log_queue(int descriptor, std::size_t most_bytes = default_bytes);
  /// What waits still has 100 ms, unless a flush has shown before that nobody reads.
  ~log_queue();
  log_queue(const log_queue&) = delete;
  log_queue& operator=(const log_queue&) = delete;

  void write(const log_record& record) noexcept;

  /// True: everything that was written before is out.   Blocks: at most `within`.
  bool flush(duration within) noexcept;

  /// Lines that nobody will read: the queue was full, or the reader is gone.
  std::uint64_t dropped() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0
