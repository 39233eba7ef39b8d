// One mutex guards everything in `shared`. Jobs, their destructors and the callbacks of when_idle always run without
// it, since they may call the pool. Threads are detached and hold `shared`, so the pool may be destroyed before they
// end.
#include "lastcall/net/loop/thread_pool.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"
#include "lastcall/core/threads/own_thread.hpp"

namespace lastcall::inline v0::net {

struct thread_pool::shared {
  shared(options o, std::string_view of) : limits(o), component(of) {}

  static void start_thread(const std::shared_ptr<shared>& all) {
    lastcall::detail::own_thread([all] {
      ::pthread_setname_np(::pthread_self(), "lastcall-block");
      const watched_thread here(all->component, "handler");
      work(all);
    }).detach();
    ++all->threads;
  }

  static void work(const std::shared_ptr<shared>& all) {
    std::unique_lock lock(all->mutex);
    for (;;) {
      all->wanted.wait(lock, [&] { return all->stopped || !all->waiting.empty(); });
      if (all->stopped) break;
      function<void()> job = std::move(all->waiting.front());
      all->waiting.pop_front();
      lock.unlock();
      try {
        job();
      } catch (const forced_unwind&) {  // the job has ended its thread; those that wait get another one
        job = nullptr;
        lock.lock();
        all->job_over(lock);
        all->thread_over();
        if (!all->waiting.empty() && !all->stopped) static_cast<void>(exception_of([&] { start_thread(all); }));
        throw;
      }
      job = nullptr;  // without the lock: what it holds may be slow to destroy, or use the pool
      lock.lock();
      all->job_over(lock);
    }
    all->thread_over();
  }

  void job_over(std::unique_lock<std::mutex>& lock) {
    if (--jobs == 0) tell_idle(lock);
  }
  void thread_over() {
    if (--threads == 0) ended.notify_all();
  }

  /// To be called when no job is left. The callbacks run without the lock, so that they may submit again.
  void tell_idle(std::unique_lock<std::mutex>& lock) {
    const std::vector<function<void()>> told = std::exchange(when_idle, {});
    lock.unlock();
    for (const auto& each : told) each();
    lock.lock();
  }

  const options limits;
  const std::string component;
  std::mutex mutex;
  std::condition_variable wanted, ended;
  std::deque<function<void()>> waiting;
  std::vector<function<void()>> when_idle;
  std::size_t jobs = 0;  // running and waiting
  unsigned threads = 0;
  bool stopped = false;
};

thread_pool::thread_pool(options o, std::string_view component) : shared_(std::make_shared<shared>(o, component)) {
  const lastcall::detail::option_check allowed("thread pool");
  allowed.number("threads", o.threads, 1, 4096);
  allowed.number("queue", o.queue, 0, allowed.most_things);
}

thread_pool::~thread_pool() { stop(time_point::min()); }

bool thread_pool::submit(function<void()>&& job) {
  shared& s = *shared_;
  const std::lock_guard lock(s.mutex);
  if (s.stopped) return false;
  if (s.jobs >= s.threads && s.threads < s.limits.threads) {
    try {
      shared::start_thread(shared_);
    } catch (const std::system_error&) {  // the process may have no more; those that are there will do
      if (s.threads == 0) return false;
    }
  }
  if (s.jobs >= s.threads + s.limits.queue) return false;
  s.waiting.push_back(std::move(job));
  ++s.jobs;
  s.wanted.notify_one();
  return true;
}

void thread_pool::when_idle(function<void()> idle) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->jobs > 0) return shared_->when_idle.push_back(std::move(idle));
  }
  idle();
}

bool thread_pool::stop(time_point by) noexcept {
  std::deque<function<void()>> dropped;
  std::unique_lock lock(shared_->mutex);
  shared_->stopped = true;
  dropped.swap(shared_->waiting);
  shared_->jobs -= dropped.size();
  shared_->wanted.notify_all();
  lock.unlock();
  dropped.clear();  // without the lock: what the jobs hold may use the pool
  lock.lock();
  if (shared_->jobs == 0) shared_->tell_idle(lock);
  return shared_->ended.wait_until(lock, by, [this] { return shared_->threads == 0; });
}

std::size_t thread_pool::busy() const noexcept {
  const std::lock_guard lock(shared_->mutex);
  return shared_->jobs;
}

}  // namespace lastcall::inline v0::net
