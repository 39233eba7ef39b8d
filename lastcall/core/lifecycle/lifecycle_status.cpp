// What the lifecycle tells to other threads while it is driven: status, metrics, work in progress.
#include <algorithm>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::inline v0 {

// Threads: any. Reads names, which do not change after `arrange`, and atomics. The values may be of different moments.
app_status lifecycle::status() const {
  app_status s{.phase = phase_.load(std::memory_order_relaxed)};
  const time_point now = time_.now();
  const auto until = [now](time_point when) -> std::optional<duration> {
    if (when == time_point::max()) return std::nullopt;
    return std::max(when - now, duration::zero());
  };
  s.until_force = until(drain_end_.load(std::memory_order_relaxed));
  s.left = until(deadline_.load(std::memory_order_relaxed));
  for (std::size_t i = 0; i < components_.size(); ++i)
    s.components.push_back(
        {.name = components_[i].name,
         .state = shared_ ? shared_->entries[i].state.load(std::memory_order_relaxed) : component_state{}});
  return s;
}

// Calls `ask` for each component that has started and is not destroyed. Threads: any. It uses the shared state only, so
// a call that hangs in a component may outlive the lifecycle. One thread at a time asks; the others give up after a
// second.
template <class Ask> void lifecycle::for_each_started(const shared_state& state, const Ask& ask) {
  const detail::semaphore_hold hold(state.query_semaphore, shared_state::longest_query);
  if (!hold) return;  // another thread hangs in a component
  for (std::size_t i = 0; i < state.count; ++i) {
    const shared_state::entry& e = state.entries[i];
    if (e.object == nullptr || !has_started(e.state.load(std::memory_order_acquire))) continue;
    static_cast<void>(exception_of([&] { ask(i, *e.object); }));  // what it has added so far stays
  }
}

// The copy of the pointer keeps the shared state alive if this hangs and the lifecycle is destroyed.
void lifecycle::measure(metrics& into) const {
  if (!shared_) return;
  const std::shared_ptr<const shared_state> kept = shared_;
  measure(*kept, into);
}

void lifecycle::measure(const shared_state& state, metrics& into) {
  for_each_started(state, [&](std::size_t i, const component& it) {
    into.of_component(state.entries[i].name);
    it.measure(into);
  });
  into.of_component({});
}

void lifecycle::report_numbers(function<void(const metrics&)> to) {
  verbs_->run([shared = shared_, to = std::move(to)] {
    metrics all;
    measure(*shared, all);
    to(all);
  });
}

void lifecycle::report_progress(std::size_t limit, function<void(const work_of_components&)> to) {
  verbs_->run([shared = shared_, limit, to = std::move(to)] {
    work_of_components all;
    for_each_started(*shared, [&](std::size_t i, const component& it) {
      all.emplace_back(shared->entries[i].name, std::vector<work_item>());
      std::vector<work_item>& items = all.back().second;
      shared->add_own_waits(i, items);
      it.in_progress(items, limit);
    });
    for (auto& [name, items] : all) items.resize(std::min(items.size(), limit));
    to(all);
  });
}

}  // namespace lastcall::inline v0
