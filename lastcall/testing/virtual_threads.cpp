#include "lastcall/testing/virtual_threads.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace lastcall::inline v0::testing {

namespace {

using until = virtual_threads::until;

struct sharer {
  std::condition_variable wake;
  bool runs = false, parked = false, ended = false;
  std::optional<time_point> when;
  until ends = until::time;
  std::uint64_t test_news = 0, all_news = 0;  // what it has seen of them
  std::thread thread;
};

}  // namespace

struct virtual_threads::shared {
  explicit shared(virtual_clock& clock)
      : time(clock), test(&all.emplace_back()), current(test), holder(std::this_thread::get_id()) {
    test->runs = true;
  }

  void give(sharer& to) {
    current->runs = false;
    current = &to;
    to.runs = true;
    to.parked = false;
    to.wake.notify_one();
  }

  bool may_go_on(const sharer& s) const {
    if (!s.parked) return true;
    if (over && !s.when && s.ends != until::anything) return true;
    if (s.ends == until::test) return s.test_news != test_news;
    return s.ends == until::anything && s.all_news != all_news;
  }

  void run_planned(std::unique_lock<std::mutex>& hold) {
    auto next = planned.extract(planned.begin());
    hold.unlock();
    try {
      next.mapped()();
    } catch (...) {
      if (!thrown) thrown = std::current_exception();
    }
    next = {};
    hold.lock();
    ++test_news;
    ++all_news;
  }

  // Somebody has the turn when this returns. The caller has parked or ended.
  void choose(std::unique_lock<std::mutex>& hold) {
    while (!given_up) {
      if (test->parked && (thrown || (holds && holds()))) return give(*test);
      bool given = false;
      for (sharer& s : all) {
        if (&s == test || s.ended || !may_go_on(s)) continue;
        give(s);
        given = true;
        break;
      }
      if (given) return;
      std::optional<time_point> next;
      sharer* first = nullptr;
      if (!planned.empty()) next = planned.begin()->first;
      for (sharer& s : all) {
        if (&s == test || s.ended || !s.parked || !s.when || (next && *next <= *s.when)) continue;
        next = s.when;
        first = &s;
      }
      if (test->parked && (!next || (test->when && *test->when < *next))) {
        stuck = !test->when;
        if (test->when) time.advance_to(*test->when);
        return give(*test);
      }
      if (!next) return;  // only while the test's thread is gone for good
      time.advance_to(*next);
      if (first != nullptr) return give(*first);
      run_planned(hold);
    }
  }

  // Gives the turn away and waits for it.
  void pass(std::unique_lock<std::mutex>& hold, sharer& self) {
    self.parked = true;
    choose(hold);
    self.wake.wait(hold, [&] { return self.runs; });
    holder = std::this_thread::get_id();
  }

  virtual_clock& time;
  mutable std::mutex lock;
  std::list<sharer> all;
  sharer* const test;
  sharer* current;
  std::thread::id holder;
  std::multimap<time_point, function<void()>> planned;
  std::function<bool()> holds;
  std::exception_ptr thrown;
  std::uint64_t test_news = 0, all_news = 0;
  bool stuck = false, over = false, given_up = false;
};

virtual_threads::virtual_threads(virtual_clock& time) : shared_(std::make_shared<shared>(time)) {}

virtual_threads::~virtual_threads() {
  shared& s = *shared_;
  for (sharer& each : s.all) {
    if (!each.thread.joinable()) continue;
    std::unique_lock hold(s.lock);
    const bool ended = each.ended;
    hold.unlock();
    ended ? each.thread.join() : each.thread.detach();
  }
}

void virtual_threads::spawn(function<void()> f) {
  const std::lock_guard hold(shared_->lock);
  sharer& self = shared_->all.emplace_back();
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
    ++s->all_news;
    s->choose(last);
  });
}

void virtual_threads::plan(time_point when, function<void()> f) {
  const std::lock_guard hold(shared_->lock);
  shared_->planned.emplace(std::max(when, shared_->time.now()), std::move(f));
}

void virtual_threads::park(std::optional<time_point> when, until ends) {
  shared& s = *shared_;
  std::unique_lock hold(s.lock);
  sharer& self = *s.current;
  if (s.over && !when && ends != until::anything) return;
  self.when = when;
  self.ends = ends;
  if (ends != until::anything) ++s.all_news;
  self.test_news = s.test_news;
  self.all_news = s.all_news;
  s.pass(hold, self);
}

virtual_threads::waited virtual_threads::wait(std::optional<time_point> when, const std::function<bool()>& holds,
                                              duration patience) {
  shared& s = *shared_;
  std::unique_lock hold(s.lock);
  sharer& self = *s.test;
  self.when = when;
  ++s.test_news;
  ++s.all_news;
  s.holds = holds;
  s.stuck = false;
  self.parked = true;
  s.choose(hold);
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
