// What the lifecycle tells: how things stand, to whoever asks while it is driven, and in the end its part of the
// report.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/drain_chains.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/stacks/hung_threads.hpp"

namespace lastcall::inline v0 {

namespace {
constexpr duration stacks_time = std::chrono::milliseconds(25);  // beyond the deadline
constexpr duration longest_for_names = std::chrono::milliseconds(500);
constexpr duration account_time = std::chrono::milliseconds(10);  // beyond the deadline
constexpr duration answer_time = std::chrono::milliseconds(200);  // components say in 100 ms what they are at work on
}  // namespace

app_status lifecycle::status() const {
  app_status s{.phase = phase_.load(std::memory_order_relaxed)};
  const time_point now = time_.now();
  const auto until = [now](time_point when) -> std::optional<duration> {
    if (when == time_point::max()) return std::nullopt;
    return std::max(when - now, duration::zero());
  };
  s.until_force = until(drain_end_.load(std::memory_order_relaxed));
  s.left = until(deadline_.load(std::memory_order_relaxed));
  for (std::size_t i = 0; i < slots_.size(); ++i)
    s.components.push_back(
        {.name = slots_[i].name,
         .state = shared_ ? shared_->entries[i].state.load(std::memory_order_relaxed) : component_state{}});
  return s;
}

/// Of each component that has started and is still there. It touches the board only: who hangs in it outlives all else.
template <class Ask> void lifecycle::ask_each(const shared_state& of, const Ask& ask) {
  const detail::semaphore_hold alone(of.asking, shared_state::longest_asking);
  if (!alone) return;  // somebody hangs in it
  for (std::size_t i = 0; i < of.count; ++i) {
    const shared_state::entry& e = of.entries[i];
    const component_state state = e.state.load(std::memory_order_acquire);
    if (e.it == nullptr || state <= component_state::starting || state == component_state::failed) continue;
    try {
      ask(i, *e.it);
    } catch (...) {
      // What it has added so far stays.
    }
  }
}

void lifecycle::measure(metrics& into) const {
  if (!shared_) return;
  const std::shared_ptr<const shared_state> kept = shared_;
  ask_each(*kept, [&](std::size_t i, const component& it) {
    into.of_component(kept->entries[i].name);
    it.measure(into);
  });
  into.of_component({});
}

void lifecycle::tell_progress(std::size_t limit, function<void(const work_of_components&)> to) {
  verbs_->run([b = shared_, limit, tell = std::move(to)] {
    work_of_components all;
    ask_each(*b, [&](std::size_t i, const component& it) {
      all.emplace_back(b->entries[i].name, std::vector<work_item>());
      std::vector<work_item>& items = all.back().second;
      b->add_own_waits(i, items);
      it.in_progress(items, limit);
    });
    for (auto& [name, items] : all) items.resize(std::min(items.size(), limit));
    tell(all);
  });
}

void lifecycle::fill(report& out) {
  out.start_ms = start_ms_;
  const time_point drain_begins = first_drain_.value_or(cut_at_.value_or(finished_at_));
  const time_point drain_ends = std::max(drain_begins, cut_at_.value_or(last_drained_.value_or(finished_at_)));
  out.readiness_ms = to_ms(drain_begins - asked_at_);
  out.drain_ms = to_ms(drain_ends - drain_begins);
  out.stop_ms = to_ms(finished_at_ - drain_ends);
  out.total_ms = to_ms(finished_at_ - asked_at_);
  wait_for_accounts();
  const bool hangs = std::any_of(slots_.begin(), slots_.end(), [](const slot& s) { return s.report.hung; });
  if (hangs) wait_for_stacks();
  bool cut = false;
  for (slot& s : slots_) {
    s.report.name = s.name;
    if (s.report.stopped && !s.report.connections.adds_up())
      note(log_level::error, s.name + ": its connections do not add up");
    if (s.report.stopped && !s.report.requests.adds_up())
      note(log_level::error, s.name + ": its requests do not add up");
    if (s.report.forced || s.report.hung) s.report.in_progress = s.progress;
    cut = cut || s.report.cut();
    out.components.push_back(s.report);
  }
  std::vector<std::vector<std::size_t>> graph;
  std::vector<std::optional<double>> stopped;
  for (const slot& s : slots_) {
    graph.push_back(s.needs);
    stopped.push_back(s.report.stopped_ms);
  }
  for (const std::size_t node : critical_path(graph, stopped)) out.critical_path.push_back(slots_[node].name);
  out.errors.insert(out.errors.end(), errors_.begin(), errors_.end());
  out.outcome = hangs ? outcome::hung : cut ? outcome::forced : outcome::graceful;
  if (!hangs) verbs_->rest();  // which waits for threads that hang, too, and there is no time for that
}

/// Also of those that hang, and for the answers to what they were at work on. Who hangs in its account is found out
/// here.
void lifecycle::wait_for_accounts() {
  const auto owes = [](const slot& s) { return s.report.start_ms && !s.reported; };
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (owes(slots_[i])) ask_for_account(i);
  take_in();
  const time_point by = std::max(plan_->deadline(), time_.now() + account_time);
  // What was cut is told with it; and a component that is still being asked could not be destroyed.
  const time_point answers_by = std::min(by, time_.now() + answer_time);
  const auto asked = [](const slot& s) { return s.asked_progress; };
  const auto until = [&]() -> std::optional<time_point> {
    if (std::any_of(slots_.begin(), slots_.end(), owes)) return by;
    if (std::any_of(slots_.begin(), slots_.end(), asked)) return answers_by;
    return std::nullopt;
  };
  for (auto end = until(); end && time_.now() < *end; end = until()) {
    wait(*end);
    take_in();
  }
  for (const slot& s : slots_)
    if (asked(s) && !s.report.hung)
      note(log_level::error, s.name + ": in_progress() has not returned; it stays in memory");
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slot& s = slots_[i];
    if (!owes(s) || s.report.hung) continue;
    if (!shared_->entries[i].accounts.load(std::memory_order_relaxed)) {
      note(log_level::error, s.name + ": no time was left for its account");
      continue;
    }
    s.report.hung = true;
    s.report.hung_in = to_text(verb::account);
    stacks_asked_ = false;  // it was not known then
  }
}

/// What has come a moment after the deadline is told.
void lifecycle::wait_for_stacks() {
  ask_where_threads_stand();
  const auto named = [this] {
    const std::lock_guard lock(shared_->mutex);
    return shared_->stacks_named;
  };
  const time_point until = std::max(plan_->deadline() + stacks_time, time_.now() + account_time);
  while (&time_ == &steady() && !named() && time_.now() < until) wait(until);
  std::vector<thread_stack> all;
  {
    const std::lock_guard lock(shared_->mutex);
    all = shared_->stacks;
  }
  for (slot& s : slots_)
    if (s.report.hung) s.report.stack = where_it_hangs(all, s.name, !s.report.hung_in.empty());
}

/// Of whoever has not come back by half of the reserve. Beside everything, since it may take its time.
void lifecycle::ask_where_threads_stand() {
  if (std::exchange(stacks_asked_, true) || &time_ != &steady()) return;
  const duration names = std::clamp((plan_->deadline() - time_.now()) / 2, duration::zero(), longest_for_names);
  unsigned number = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    number = ++shared_->stacks_asked;
    shared_->stacks_named = false;  // those of an earlier question stay until the new ones are here
  }
  const auto ask = [b = shared_, names, number] {
    const auto put = [&](std::vector<thread_stack> all, bool named) {
      const std::lock_guard lock(b->mutex);
      if (number < b->stacks_of) return;
      b->stacks = std::move(all);
      b->stacks_of = number;
      b->stacks_named = named && number == b->stacks_asked;
    };
    try {
      put(capture_stacks(nullptr, {.names = names}, [&](const std::vector<thread_stack>& all) { put(all, false); }),
          true);
    } catch (const std::exception&) {  // out of memory: what is there will do
    }
    b->wakes->driver().ring();
  };
  verbs_->run(ask, verb_executor::priority::urgent);
}

}  // namespace lastcall::inline v0
