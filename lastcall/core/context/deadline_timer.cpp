#include "lastcall/core/context/deadline_timer.hpp"

#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0::detail {

deadline_timer& deadline_timer::shared() {
  static auto& one = *new deadline_timer;  // never destroyed: its thread runs until the process ends
  return one;
}

deadline_timer::alarm deadline_timer::alarm_at(time_point when) {
  alarms one;
  one.emplace(when, target());
  return {.spare = one.extract(one.begin())};
}

void deadline_timer::set(alarm& it, context_state& of) noexcept {
  const std::lock_guard lock(mutex_);
  if (it.is_set || it.spare.empty()) return;
  it.spare.mapped() = {&of, &it};
  it.place = alarms_.insert(std::move(it.spare));
  it.is_set = true;
  if (it.place->first < wakes_at_) {
    wakes_at_ = it.place->first;
    earlier_.notify_one();
  }
  if (!runs_) {
    const no_signals_of_others blocked;
    runs_ = exception_of([this] { own_thread([this] { run(); }).detach(); }) == nullptr;
  }
}

void deadline_timer::cancel(alarm& it) noexcept {
  const std::lock_guard lock(mutex_);
  if (!it.is_set) return;
  it.spare = alarms_.extract(it.place);
  it.is_set = false;
}

void deadline_timer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const time_point now = steady().now();
    const auto first = alarms_.begin();
    if (first == alarms_.end() || first->first > now) {
      if (wakes_at_ <= now) wakes_at_ = first == alarms_.end() ? time_point::max() : first->first;
      if (wakes_at_ == time_point::max()) {
        earlier_.wait(lock);
      } else {
        earlier_.wait_until(lock, time_point(wakes_at_));
      }
    } else {
      const auto [when, due] = *first;
      // Empty if the destructor has begun: it waits in `cancel` for the lock.
      std::shared_ptr<context_state> of = kept(*due.of);
      due.by->is_set = false;
      alarms_.erase(first);
      lock.unlock();
      if (of) ring(*of, when);
      of.reset();  // may be the last to hold it, and its destructor takes the lock
      lock.lock();
    }
  }
}

}  // namespace lastcall::inline v0::detail
