// A bounded number of threads for work that blocks, and a bounded queue before them. Not a scheduler: first come, first
// served.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0::net {

struct thread_pool_options {
  /// The most threads; they are started as they are needed.
  unsigned threads = 32;
  /// The most jobs that wait while all threads are busy.
  std::size_t queue = 256;
};

/// Threads: every member from any.
class thread_pool {
 public:
  using options = thread_pool_options;

  /// `component`: whose work it does. Its threads are registered (core/stacks/watched_thread.hpp) as that one's
  /// handlers; what they are doing is for the jobs to say. Errors: std::invalid_argument for no threads, or more than
  /// 4096.
  explicit thread_pool(options = {}, std::string_view component = "pool");
  /// Leaves behind the threads that `stop` has not seen end.
  ~thread_pool();

  /// False: every thread is busy and the queue is full, no thread could be started, or it has stopped; `job` is then
  /// untouched. A job must not throw.
  [[nodiscard]] bool submit(function<void()>&& job);

  /// Calls `idle` once, when no job runs or waits: at once, or on the thread that ends the last one.
  void when_idle(function<void()> idle);

  /// Takes no more jobs; those that wait are dropped. True: every thread has ended.   Blocks: until `by` at most.
  bool stop(time_point by) noexcept;

  /// Jobs that run or wait.
  std::size_t busy() const noexcept;

 private:
  struct shared;
  std::shared_ptr<shared> shared_;  // with the threads, which may outlive us
};

}  // namespace lastcall::inline v0::net
