// What the driver of the lifecycle shares with the threads that run verbs, and with threads that ask for the status.
// For the sources of the lifecycle only.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/lifecycle/verb.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/stack.hpp"
#include "lastcall/core/threads/timed_semaphore.hpp"

namespace lastcall::inline v0 {

/// What happened in a component, for the driver.
struct lifecycle::verb_event {
  std::size_t component = 0;
  verb what = verb::none;  ///< the verb that has returned; none: the component has called `done`, so it has drained
  time_point at{};
  std::exception_ptr error{};
  component_report report{};
  std::vector<work_item> progress{};
};

/// Every verb holds a shared_ptr to it, and so does every `done`. So it outlives a lifecycle that is destroyed while a
/// verb hangs, and a late call of `done` finds it.
struct lifecycle::shared_state {
  struct entry {
    component* object = nullptr;  // owned by the lifecycle; null once destroyed
    std::string name{};
    context_source context{};
    std::atomic<time_point> verb_began{};  // the latest, other than force
    std::atomic<bool> drained{false};
    std::atomic<bool> account_began{false};
    std::atomic<component_state> state{};
  };

  static constexpr duration longest_query = std::chrono::seconds(1);  // components answer in 100 ms

  shared_state(std::shared_ptr<shutdown_requests> of, const clock& steady_or_virtual, std::size_t size)
      : requests(std::move(of)), time(steady_or_virtual), count(size), entries(std::make_unique<entry[]>(size)) {
    events.reserve(size * (verb_count + 1));  // verbs return, and components drain, also when there is no memory left
    taken.reserve(events.capacity());
  }

  /// Threads: any.
  void post(verb_event it) {
    it.at = time.now();
    {
      const std::lock_guard lock(mutex);
      events.push_back(std::move(it));
    }
    requests->driver_wakeup().notify();
  }
  /// One event, whether the component calls `done` as well or not.
  void post_drained(std::size_t index) {
    if (!entries[index].drained.exchange(true, std::memory_order_acq_rel)) post({.component = index});
  }
  /// The driver's, until the next call.
  const std::vector<verb_event>& take_events() {
    taken.clear();
    const std::lock_guard lock(mutex);
    taken.swap(events);
    return taken;
  }

  /// Adds what the component's own context waits for, so that a component without in_progress() says something too.
  void add_own_waits(std::size_t index, std::vector<work_item>& into) const {
    std::string waits_for = entries[index].context.get().waits_for();
    if (waits_for.empty()) return;
    const duration age = time.now() - entries[index].verb_began.load(std::memory_order_relaxed);
    into.insert(into.begin(), {.label = "its own work", .age = age, .waits_for = std::move(waits_for)});
  }

  const std::shared_ptr<shutdown_requests> requests;
  const clock& time;
  const std::size_t count;
  const std::unique_ptr<entry[]> entries;
  // Held while measure() or in_progress() of a component runs, and while one is destroyed. With a time limit: a
  // component that hangs in one of them must not block the next question, nor the destruction, for ever.
  mutable detail::timed_semaphore query_semaphore;

  std::vector<verb_event> taken;  // the driver's
  std::mutex mutex;               // of all below
  std::vector<verb_event> events;
  std::vector<thread_stack> stacks;  // first with places in files, then with names
  bool stacks_named = false;         // those of the latest question
  unsigned stacks_question = 0;      // counts the questions
  unsigned stacks_answered = 0;      // the number of the question that `stacks` answer
};

}  // namespace lastcall::inline v0
