#include "lastcall/core/lifecycle/verb_threads.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/put_off_signals.hpp"

namespace lastcall::inline v0 {
namespace {

// A thread that ends runs no code of ours any more, but it destroys thread-local objects of other libraries.
constexpr duration most_waited_for = std::chrono::milliseconds(5);

// ThreadSanitizer intercepts only pthread_timedjoin_np. With the other call it would report a thread that is never
// joined.
#ifdef __SANITIZE_THREAD__
using join_clock = std::chrono::system_clock;
int join_by(pthread_t thread, const timespec& until) noexcept { return pthread_timedjoin_np(thread, nullptr, &until); }
#else  // the monotonic clock: if the wall clock is set back an hour, a wait on it takes an hour longer
using join_clock = std::chrono::steady_clock;
int join_by(pthread_t thread, const timespec& until) noexcept {
  return pthread_clockjoin_np(thread, nullptr, CLOCK_MONOTONIC, &until);
}
#endif

}  // namespace

// Owned by the verb_threads and by each of its threads, so a thread that hangs in a job still has its queue and its
// mutex when the verb_threads is gone.
//
// A worker is idle (waits for a job) or inside a job. `ending_idle` makes idle workers end instead of waiting. A worker
// that ends moves its own entry from `workers` to `ended`, so the entry, which holds its pthread_t, is valid until
// joined.
struct verb_threads::state {
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable ends;
  std::deque<function<void()>> urgent;
  std::deque<function<void()>> usual;
  std::list<pthread_t> workers;  // a list: a worker keeps an iterator to its entry
  std::list<pthread_t> ended;
  std::size_t idle = 0;
  time_point last_taken{};   // when the latest job began
  bool ending_idle = false;  // a worker that has nothing to do ends

  bool waiting() const noexcept { return !urgent.empty() || !usual.empty(); }

  function<void()> take() noexcept {
    auto& from = urgent.empty() ? usual : urgent;
    function<void()> job = std::move(from.front());
    from.pop_front();
    last_taken = steady().now();
    return job;
  }

  // The lock is not held while a job runs, nor while it is destroyed: both are user code.
  void work(std::list<pthread_t>::iterator me) {
    std::unique_lock lock(mutex);
    try {
      for (;;) {
        while (waiting()) {
          function<void()> job = take();
          lock.unlock();
          job();
          job = nullptr;
          lock.lock();
        }
        if (ending_idle) break;
        ++idle;
        wake.wait(lock);
        --idle;
      }
    } catch (const forced_unwind&) {  // a job has ended its thread; the next one is begun on another
      if (!lock.owns_lock()) lock.lock();
      leave(me);
      throw;
    }
    leave(me);
  }

  void leave(std::list<pthread_t>::iterator me) {
    ended.splice(ended.end(), workers, me);
    ends.notify_all();
  }

  // Called without the lock. The time limit is for all threads together; a thread that is late is detached.
  static void join(const std::list<pthread_t>& all) noexcept {
    const timespec until = detail::to_timespec(join_clock::now().time_since_epoch() + most_waited_for);
    for (const pthread_t thread : all)
      if (join_by(thread, until) != 0) pthread_detach(thread);
  }
};

verb_threads::verb_threads() : state_(std::make_shared<state>()) {}

// Waiting jobs are dropped, idle threads end and are joined. A thread inside a job is detached: it shares the state.
verb_threads::~verb_threads() {
  std::deque<function<void()>> never_begun[2];  // destroyed after the lock is released: their destructors are user code
  {
    const std::lock_guard lock(state_->mutex);
    never_begun[0].swap(state_->urgent);
    never_begun[1].swap(state_->usual);
  }
  end_idle_threads();
  const std::lock_guard lock(state_->mutex);
  for (const pthread_t thread : state_->workers) pthread_detach(thread);
  for (const pthread_t thread : state_->ended) pthread_detach(thread);
}

// On the driver. Without memory or a thread the job runs here, so that it is not lost; then the watchdog is the only
// bound.
void verb_threads::add_thread() noexcept {
  state& s = *state_;
  std::unique_lock lock(s.mutex);
  if (!s.waiting()) return;
  try {
    const auto me = s.workers.emplace(s.workers.end());
    try {
      const detail::signals_kept_out from_it;
      *me = detail::begin_thread([kept = state_, me] { kept->work(me); });  // which waits for the lock first
      pthread_setname_np(*me, "lastcall-verb");
      s.last_taken = steady().now();  // the new thread is about to take a job, so the next check is a millisecond away
      return;
    } catch (const std::exception&) {
      s.workers.erase(me);
    }
  } catch (const std::exception&) {  // out of memory
  }
  const function<void()> job = s.take();
  lock.unlock();
  job();
}

void verb_threads::run(function<void()> job, priority when) noexcept {
  state& s = *state_;
  bool no_thread = false;
  {
    const std::lock_guard lock(s.mutex);
    s.ending_idle = false;
    (when == priority::urgent ? s.urgent : s.usual).push_back(std::move(job));
    no_thread = s.workers.empty();
    if (s.idle > 0) s.wake.notify_one();
  }
  if (no_thread) add_thread();
}

std::optional<time_point> verb_threads::next_check() const noexcept {
  const state& s = *state_;
  const std::lock_guard lock(state_->mutex);
  if (!s.waiting()) return std::nullopt;
  return (s.idle > 0 ? steady().now() : s.last_taken) + longest_blocked;
}

// Adds a thread only when all are inside a job, and none has taken one for a millisecond.
void verb_threads::check() noexcept {
  if (const auto due = next_check(); due && steady().now() >= *due) add_thread();
}

void verb_threads::end_idle_threads() noexcept {
  std::list<pthread_t> leaving;
  {
    std::unique_lock lock(state_->mutex);
    if (state_->waiting()) return;
    state_->ending_idle = true;
    state_->wake.notify_all();
    // A thread inside a job has usually just posted its result and is about to return. A thread that hangs stays.
    state_->ends.wait_for(lock, most_waited_for, [this] { return state_->workers.empty(); });
    leaving.swap(state_->ended);
  }
  state::join(leaving);
}

}  // namespace lastcall::inline v0
