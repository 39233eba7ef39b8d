// A bounded number of threads for work that blocks, with a bounded queue: first in, first out.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0::net {

struct thread_pool_options {
  /// The most threads. Each is started when it is needed, and stays.
  unsigned threads = 32;
  /// The most jobs that wait when all threads are busy.
  std::size_t queue = 256;
};

/// Threads: every member from any.
class thread_pool {
 public:
  using options = thread_pool_options;

  /// `component`: its threads are registered as handlers of that component (core/stacks/watched_thread.hpp).
  /// Errors: std::invalid_argument for no threads, or more than 4096.
  explicit thread_pool(options = {}, std::string_view component = "pool");
  /// Does not wait: threads that are still in a job are left behind.
  ~thread_pool();

  /// Runs `job`, which must not throw, on one of the threads. False: all are busy and the queue is full, no thread
  /// could be started, or the pool has stopped; `job` is unchanged then.
  [[nodiscard]] bool submit(function<void()>&& job);

  /// Calls `idle` once, when no job runs or waits: now, or on the thread that ends the last job.
  void when_idle(function<void()> idle);

  /// Drops the jobs that wait, and takes no more. True: every thread has ended.   Blocks: at most until `by`.
  bool stop(time_point by) noexcept;

  /// Jobs that run or wait.
  std::size_t busy() const noexcept;

 private:
  struct shared;
  std::shared_ptr<shared> shared_;  // the threads hold it too, and may outlive the pool
};

}  // namespace lastcall::inline v0::net
