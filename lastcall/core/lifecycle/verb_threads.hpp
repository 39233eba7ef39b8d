// Threads for verbs that may block: one, and one more whenever all are blocked. Not a pool for work: it adds at most
// one thread each millisecond, and has none while no verb is under way.
#pragma once

#include <memory>

#include "lastcall/core/lifecycle/verb_executor.hpp"

namespace lastcall::inline v0 {

/// Never has more threads than jobs under way at once. The threads are called "lastcall-verb".
class verb_threads final : public verb_executor {
 public:
  /// How long every thread must have been inside its current job before a thread is added.
  static constexpr duration longest_blocked = std::chrono::milliseconds(1);

  verb_threads();
  /// Jobs that wait never run. A thread inside a job ends after the job.
  ~verb_threads() override;
  verb_threads& operator=(verb_threads&&) = delete;

  /// Blocks: only when no thread can be made. Then the job runs on the caller's thread.
  void run(function<void()> job, priority when = priority::usual) noexcept override;
  std::optional<time_point> next_check() const noexcept override;
  void check() noexcept override;
  /// Blocks: until all have ended, usually for microseconds; 10 ms if one hangs.
  void end_idle_threads() noexcept override;

 private:
  struct state;
  void add_thread() noexcept;

  std::shared_ptr<state> state_;  // shared with the threads: one that hangs in a job outlives this
};

}  // namespace lastcall::inline v0
