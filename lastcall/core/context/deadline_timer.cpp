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
  if (!runs_) {
    const no_signals_of_others blocked;
    runs_ = exception_of([this] { own_thread([this] { run(); }).detach(); }) == nullptr;
  } else if (it.place == alarms_.begin()) {
    earlier_.notify_one();
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
    if (alarms_.empty()) {
      earlier_.wait(lock);
    } else if (const auto first = alarms_.begin(); first->first > steady().now()) {
      earlier_.wait_until(lock, time_point(first->first));
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
