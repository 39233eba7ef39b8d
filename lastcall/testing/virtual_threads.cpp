// Real threads, of which one runs: `current`, whose thread_state has `runs`. All others wait on their `wake`. The mutex
// guards all of `shared`, and hands what one thread did over to the next. A thread that parks or ends chooses the next
// one itself (let_next_run); no thread is needed for that.
//
// Two counters, test_events and all_events, count what may end a parking. A parked thread remembers what it has seen of
// them, and can run when they have grown.
#include "lastcall/testing/virtual_threads.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "lastcall/core/caught.hpp"

namespace lastcall::inline v0::testing {

namespace {

using until = virtual_threads::until;

struct thread_state {
  std::condition_variable wake;
  bool runs = false, parked = false, ended = false;
  std::optional<time_point> when;
  until ends = until::time;
  std::uint64_t test_events = 0, all_events = 0;  // as they were when it parked
  std::thread thread;
};

}  // namespace

struct virtual_threads::shared {
  explicit shared(virtual_clock& clock)
      : time(clock), test(&all.emplace_back()), current(test), holder(std::this_thread::get_id()) {
    test->runs = true;
  }

  void let_run(thread_state& to) {
    current->runs = false;
    current = &to;
    to.runs = true;
    to.parked = false;
    to.wake.notify_one();
  }

  bool can_run(const thread_state& s) const {
    if (!s.parked) return true;
    if (over && !s.when && s.ends != until::anything) return true;
    if (s.ends == until::test) return s.test_events != test_events;
    return s.ends == until::anything && s.all_events != all_events;
  }

  void run_planned(std::unique_lock<std::mutex>& hold) {
    auto next = planned.extract(planned.begin());
    hold.unlock();
    if (auto threw = exception_of(next.mapped()); threw && !thrown) thrown = std::move(threw);
    next = {};
    hold.lock();
    ++test_events;
    ++all_events;
  }

  /// The caller has parked or ended. When this returns, another thread runs, or the caller does again.
  void let_next_run(std::unique_lock<std::mutex>& hold) {
    while (!given_up) {
      if (test->parked && (thrown || (holds && holds()))) return let_run(*test);
      bool chosen = false;
      for (thread_state& s : all) {
        if (&s == test || s.ended || !can_run(s)) continue;
        let_run(s);
        chosen = true;
        break;
      }
      if (chosen) return;
      std::optional<time_point> next;
      thread_state* first = nullptr;
      if (!planned.empty()) next = planned.begin()->first;
      for (thread_state& s : all) {
        if (&s == test || s.ended || !s.parked || !s.when || (next && *next <= *s.when)) continue;
        next = s.when;
        first = &s;
      }
      if (test->parked && (!next || (test->when && *test->when < *next))) {
        stuck = !test->when;
        if (test->when) time.advance_to(*test->when);
        return let_run(*test);
      }
      if (!next) return;  // only when the test's thread does not wait: it has gone
      time.advance_to(*next);
      if (first != nullptr) return let_run(*first);
      run_planned(hold);
    }
  }

  /// Returns when `self` runs again.
  void park_and_wait(std::unique_lock<std::mutex>& hold, thread_state& self) {
    self.parked = true;
    let_next_run(hold);
    self.wake.wait(hold, [&] { return self.runs; });
    holder = std::this_thread::get_id();
  }

  virtual_clock& time;
  mutable std::mutex lock;
  std::list<thread_state> all;
  thread_state* const test;
  thread_state* current;
  std::thread::id holder;
  std::multimap<time_point, function<void()>> planned;
  std::function<bool()> holds;
  std::exception_ptr thrown;
  std::uint64_t test_events = 0, all_events = 0;
  bool stuck = false, over = false, given_up = false;
};

virtual_threads::virtual_threads(virtual_clock& time) : shared_(std::make_shared<shared>(time)) {}

virtual_threads::~virtual_threads() {
  shared& s = *shared_;
  for (thread_state& each : s.all) {
    if (!each.thread.joinable()) continue;
    std::unique_lock hold(s.lock);
    const bool ended = each.ended;
    hold.unlock();
    ended ? each.thread.join() : each.thread.detach();
  }
}

void virtual_threads::spawn(function<void()> f) {
  const std::lock_guard hold(shared_->lock);
  thread_state& self = shared_->all.emplace_back();
  self.thread = std::thread([s = shared_, &self, f = std::move(f)]() mutable {
    {
      std::unique_lock first(s->lock);
      self.wake.wait(first, [&] { return self.runs; });
      s->holder = std::this_thread::get_id();
    }
    f();
    f = nullptr;
    std::unique_lock last(s->lock);
    self.ended = true;
    ++s->all_events;
    s->let_next_run(last);
  });
}

void virtual_threads::plan(time_point when, function<void()> f) {
  const std::lock_guard hold(shared_->lock);
  shared_->planned.emplace(std::max(when, shared_->time.now()), std::move(f));
}

void virtual_threads::park(std::optional<time_point> when, until ends) {
  shared& s = *shared_;
  std::unique_lock hold(s.lock);
  thread_state& self = *s.current;
  if (s.over && !when && ends != until::anything) return;
  self.when = when;
  self.ends = ends;
  if (ends != until::anything) ++s.all_events;
  self.test_events = s.test_events;
  self.all_events = s.all_events;
  s.park_and_wait(hold, self);
}

virtual_threads::waited virtual_threads::wait(std::optional<time_point> when, const std::function<bool()>& holds,
                                              duration patience) {
  shared& s = *shared_;
  std::unique_lock hold(s.lock);
  thread_state& self = *s.test;
  self.when = when;
  ++s.test_events;
  ++s.all_events;
  s.holds = holds;
  s.stuck = false;
  self.parked = true;
  s.let_next_run(hold);
  if (!self.wake.wait_for(hold, patience, [&] { return self.runs; })) {
    s.given_up = true;
    return waited::late;
  }
  s.holder = std::this_thread::get_id();
  s.holds = nullptr;
  if (s.thrown) std::rethrow_exception(std::exchange(s.thrown, nullptr));
  return s.stuck ? waited::stuck : waited::enough;
}

bool virtual_threads::here() const noexcept {
  const std::lock_guard hold(shared_->lock);
  return shared_->holder == std::this_thread::get_id();
}

void virtual_threads::abandon() {
  const std::lock_guard hold(shared_->lock);
  shared_->over = true;
}

bool virtual_threads::abandoned() const noexcept {
  const std::lock_guard hold(shared_->lock);
  return shared_->over;
}

}  // namespace lastcall::inline v0::testing
