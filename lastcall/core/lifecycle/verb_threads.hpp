// Threads for verbs that may block: one, and another whenever all are held up. Not a pool for work: it grows by one in
// a millisecond at most, and is empty while nothing is under way.
#pragma once

#include <cstddef>
#include <memory>

#include "lastcall/core/lifecycle/verb_executor.hpp"

namespace lastcall::inline v0 {

/// Never has more threads than jobs under way at once. The threads are called "lastcall-verb".
class verb_threads final : public verb_executor {
 public:
  /// How long every thread must have been inside its present job before another is added.
  static constexpr duration patience = std::chrono::milliseconds(1);

  verb_threads();
  /// Jobs that have not begun never do. Threads inside a job are left to it, and end after it.
  ~verb_threads() override;
  verb_threads(const verb_threads&) = delete;
  verb_threads& operator=(const verb_threads&) = delete;

  /// Blocks: only when no thread can be made; then the job runs here.
  void run(function<void()> job, priority when = priority::usual) noexcept override;
  std::optional<time_point> next_check() const noexcept override;
  void check() noexcept override;
  /// Blocks: until all have ended, which is at once; 10 ms if one hangs.
  void end_idle_threads() noexcept override;

  /// How many there are, be they inside a job or not.   Threads: any.
  std::size_t threads() const noexcept;

 private:
  struct state;
  void add_thread() noexcept;

  std::shared_ptr<state> state_;  // shared with the threads: those inside a job that hangs outlive this
};

}  // namespace lastcall::inline v0
