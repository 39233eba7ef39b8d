// A bounded queue of log lines, and a thread that writes them to a descriptor, which may be slow. Levels are log.hpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// One line for each record, at most 4,096 bytes; a line is never split. When the queue is full, lines are dropped, and
/// a line with their number is written in their place. An eighth of it is kept for warnings, errors and the lines of
/// "app", so that an access log does not push them out. The thread "lastcall-log" starts with the first line and takes
/// no signals. A forked child writes nothing. Threads: any; `write` never waits for the reader.
class log_queue {
 public:
  static constexpr std::size_t default_bytes = 256 * 1024;

  /// Writes to a copy of the descriptor. Only standard error is not copied, so that a later redirection takes effect.
  /// Errors: std::system_error when there is no descriptor left.
  explicit log_queue(int descriptor, std::size_t most_bytes = default_bytes, log_format format = log_format::text);
  /// Waits up to 100 ms for the lines in the queue, unless an earlier flush has failed.
  ~log_queue();
  log_queue& operator=(log_queue&&) = delete;

  void write(const log_record& record) noexcept;

  /// True: all lines written before are out.   Blocks: at most `within`.
  bool flush(duration within) noexcept;

  /// Lines that were lost: the queue was full, or the reader was gone.
  std::uint64_t dropped() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0
