// What the lifecycle's driver shares with the threads that its verbs run on, and with whoever asks how things stand.
// For lifecycle.cpp, which drives, and lifecycle_account.cpp, which tells.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/lifecycle/verb.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/stacks/stack.hpp"
#include "lastcall/core/timed_semaphore.hpp"
#include "lastcall/core/work_item.hpp"

namespace lastcall::inline v0 {

/// What happened in a verb's thread, told to the driver.
struct lifecycle::happening {
  std::size_t component = 0;
  verb what = verb::none;  // which has returned; none: the component says that it has drained
  time_point at{};
  std::exception_ptr error{};
  component_report report{};
  std::vector<work_item> progress{};
};

/// Outlives the lifecycle where a verb hangs, or where `done` is called when everything else is gone.
struct lifecycle::shared_state {
  struct entry {
    component* it = nullptr;
    std::string name{};
    context_source ends{};
    position at{};  // of the verbs that wait for each other
    position force_at{};
    std::atomic<bool> drained{false};
    std::atomic<bool> accounts{false};  // its account has begun
    std::atomic<component_state> state{};
  };

  static constexpr duration longest_asking = std::chrono::seconds(1);  // components answer in 100 ms

  shared_state(std::shared_ptr<shutdown_requests> in, const clock& of, std::size_t size)
      : wakes(std::move(in)), time(of), count(size), entries(std::make_unique<entry[]>(size)) {}

  void tell(happening it) {
    it.at = time.now();
    {
      const std::lock_guard lock(mutex);
      happened.push_back(std::move(it));
    }
    wakes->driver().ring();
  }
  std::vector<happening> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(happened, {});
  }

  /// A component whose own context says what is waited for tells that even if it says nothing else.
  void add_own_waits(std::size_t index, std::vector<work_item>& into) const {
    std::string waits_for = entries[index].ends.get().waits_for();
    if (waits_for.empty()) return;
    const duration age = time.now() - entries[index].at.since();
    into.insert(into.begin(), {.label = "its own work", .age = age, .waits_for = std::move(waits_for)});
  }

  const std::shared_ptr<shutdown_requests> wakes;
  const clock& time;
  const std::size_t count;
  const std::unique_ptr<entry[]> entries;
  // A component is not destroyed while it is asked for its numbers or its work. Where one hangs in that, nobody waits
  // for ever for the other.
  mutable detail::timed_semaphore asking;
  std::mutex mutex;
  std::vector<happening> happened;
  std::vector<thread_stack> stacks;  // first with places in files, then with names
  bool stacks_named = false;         // those of the last question
  unsigned stacks_asked = 0;         // the number of the last question, and of the one that they answer
  unsigned stacks_of = 0;
};

}  // namespace lastcall::inline v0
