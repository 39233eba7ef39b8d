#include "lastcall/core/lifecycle/verb_threads.hpp"

#include <pthread.h>

#include <condition_variable>
#include <ctime>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <utility>

#include "lastcall/core/put_off_signals.hpp"

namespace lastcall::inline v0 {
namespace {

// A thread that is told to end has nothing of ours to do any more, but other people's thread-local objects to destroy.
constexpr duration most_waited_for = std::chrono::milliseconds(5);

#ifdef __SANITIZE_THREAD__  // which knows only this one of the two, and would take the thread for one that is never
                            // joined
constexpr clockid_t join_clock = CLOCK_REALTIME;
int join_by(pthread_t thread, const timespec& until) noexcept { return pthread_timedjoin_np(thread, nullptr, &until); }
#else  // a clock that nobody sets: set back an hour, the other would have this wait an hour
constexpr clockid_t join_clock = CLOCK_MONOTONIC;
int join_by(pthread_t thread, const timespec& until) noexcept {
  return pthread_clockjoin_np(thread, nullptr, CLOCK_MONOTONIC, &until);
}
#endif

}  // namespace

struct verb_threads::state {
  struct worker {
    pthread_t thread{};
    bool inside = false;  // a job
  };

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable ends;
  std::deque<function<void()>> urgent;
  std::deque<function<void()>> usual;
  std::list<worker> workers;  // each takes itself to `ended` as its last act
  std::list<worker> ended;
  std::size_t idle = 0;
  time_point last_taken{};  // when the latest job began
  bool resting = false;     // who has nothing to do ends

  bool waiting() const noexcept { return !urgent.empty() || !usual.empty(); }

  function<void()> take() noexcept {
    auto& from = urgent.empty() ? usual : urgent;
    function<void()> job = std::move(from.front());
    from.pop_front();
    last_taken = steady().now();
    return job;
  }

  void work(std::list<worker>::iterator me) {
    std::unique_lock lock(mutex);
    for (;;) {
      while (waiting()) {
        function<void()> job = take();
        me->inside = true;
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
        me->inside = false;
      }
      if (resting) break;
      ++idle;
      wake.wait(lock);
      --idle;
    }
    ended.splice(ended.end(), workers, me);
    ends.notify_all();
  }

  // Without the lock. All together have the time of one; what could not be waited for ends by itself.
  static void join(const std::list<worker>& all) noexcept {
    timespec until{};
    clock_gettime(join_clock, &until);
    until.tv_nsec += most_waited_for.count();
    if (until.tv_nsec >= 1'000'000'000) {
      ++until.tv_sec;
      until.tv_nsec -= 1'000'000'000;
    }
    for (const worker& w : all)
      if (join_by(w.thread, until) != 0) pthread_detach(w.thread);
  }
};

namespace {

struct beginning {
  std::shared_ptr<void> keeps;
  function<void()> work;
};

extern "C" void* lastcall_verb_thread(void* given) {
  const std::unique_ptr<beginning> mine(static_cast<beginning*>(given));
  mine->work();
  return nullptr;
}

}  // namespace

verb_threads::verb_threads() : state_(std::make_shared<state>()) {}

verb_threads::~verb_threads() {
  std::deque<function<void()>> never_begun[2];  // destroyed outside of the lock
  {
    const std::lock_guard lock(state_->mutex);
    never_begun[0].swap(state_->urgent);
    never_begun[1].swap(state_->usual);
  }
  rest();
  const std::lock_guard lock(state_->mutex);
  for (const state::worker& w : state_->workers) pthread_detach(w.thread);
  for (const state::worker& w : state_->ended) pthread_detach(w.thread);
}

void verb_threads::add_thread() noexcept {
  state& s = *state_;
  std::unique_lock lock(s.mutex);
  if (!s.waiting()) return;
  try {
    const auto me = s.workers.emplace(s.workers.end());
    auto given = std::make_unique<beginning>(beginning{state_, [&s, me] { s.work(me); }});
    const detail::signals_kept_out from_it;
    if (pthread_create(&me->thread, nullptr, lastcall_verb_thread, given.get()) == 0) {
      static_cast<void>(given.release());
      pthread_setname_np(me->thread, "lastcall-verb");
      s.last_taken = steady().now();  // it is about to take one
      return;
    }
    s.workers.erase(me);
  } catch (...) {  // out of memory
  }
  const function<void()> job = s.take();
  lock.unlock();
  job();
}

void verb_threads::run(function<void()> job, priority when) noexcept {
  state& s = *state_;
  bool none = false;
  {
    const std::lock_guard lock(s.mutex);
    s.resting = false;
    (when == priority::urgent ? s.urgent : s.usual).push_back(std::move(job));
    none = s.workers.empty();
    if (s.idle > 0) s.wake.notify_one();
  }
  if (none) add_thread();
}

std::optional<time_point> verb_threads::next_look() const noexcept {
  const state& s = *state_;
  const std::lock_guard lock(state_->mutex);
  if (!s.waiting()) return std::nullopt;
  return (s.idle > 0 ? steady().now() : s.last_taken) + patience;
}

void verb_threads::look() noexcept {
  {
    const std::lock_guard lock(state_->mutex);
    const state& s = *state_;
    if (!s.waiting() || s.idle > 0 || steady().now() < s.last_taken + patience) return;
  }
  add_thread();
}

void verb_threads::rest() noexcept {
  std::list<state::worker> leaving;
  {
    std::unique_lock lock(state_->mutex);
    if (state_->waiting()) return;
    state_->resting = true;
    state_->wake.notify_all();
    // One that is inside has mostly just told that its verb is over. One that hangs is left to itself.
    state_->ends.wait_for(lock, most_waited_for, [this] { return state_->workers.empty(); });
    leaving.swap(state_->ended);
  }
  state::join(leaving);
}

std::size_t verb_threads::threads() const noexcept {
  const std::lock_guard lock(state_->mutex);
  return state_->workers.size();
}

}  // namespace lastcall::inline v0
