// Where the threads of hung components stand: asked in time, and waited for a moment longer than the deadline.
#include <algorithm>

#include "lastcall/core/lifecycle/lifecycle_state.hpp"
#include "lastcall/core/stacks/hung_threads.hpp"

namespace lastcall::inline v0 {

constexpr duration stacks_time = std::chrono::milliseconds(25);  // beyond the deadline
constexpr duration longest_for_names = std::chrono::milliseconds(500);

// Called when half of the reserve has passed. Reading stacks and their names may take long, so it runs on a verb's
// thread, and the answer is left in the shared state. `stacks_question` numbers the questions: an answer never replaces
// the answer to a later question.
void lifecycle::request_stacks() {
  if (std::exchange(stacks_requested_, true) || !takes_stacks_ || &time_ != &steady()) return;
  const duration names = std::clamp((plan_->deadline() - time_.now()) / 2, duration::zero(), longest_for_names);
  unsigned number = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    number = ++shared_->stacks_question;
    shared_->stacks_named = false;  // the earlier stacks stay until the new ones are here
  }
  const auto ask = [shared = shared_, names, number] {
    const auto put = [&](std::vector<thread_stack> all, bool named) {
      const std::lock_guard lock(shared->mutex);
      if (number < shared->stacks_answered) return;
      shared->stacks = std::move(all);
      shared->stacks_answered = number;
      shared->stacks_named = named && number == shared->stacks_question;
    };
    try {
      put(capture_stacks(nullptr, {.names = names}, [&](const std::vector<thread_stack>& all) { put(all, false); }),
          true);
    } catch (const std::exception&) {  // out of memory: the stacks so far are the answer
    }
    shared->requests->driver_wakeup().notify();
  };
  verbs_->run(ask, verb_executor::priority::urgent);
}

// Stacks that arrive within 25 ms after the deadline are still in the report.
void lifecycle::wait_for_stacks() {
  if (!takes_stacks_) return;
  request_stacks();
  const auto named = [this] {
    const std::lock_guard lock(shared_->mutex);
    return shared_->stacks_named;
  };
  const time_point until = std::max(plan_->deadline() + stacks_time, time_.now() + time_past_deadline);
  while (&time_ == &steady() && !named() && time_.now() < until) wait(until);
  std::vector<thread_stack> all;
  {
    const std::lock_guard lock(shared_->mutex);
    all = shared_->stacks;
  }
  for (component_record& c : components_)
    if (c.report.hung) c.report.stack = where_it_hangs(all, c.name, !c.report.hung_in.empty());
}

}  // namespace lastcall::inline v0
