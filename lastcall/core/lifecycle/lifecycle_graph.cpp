// The graph of components: which need which, in which order they stand, and which chain takes longest.
#include <algorithm>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/drain_chains.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"

namespace lastcall::inline v0 {

// Moves what all others need, and what that needs itself, to the front. The order within each part stays, so each
// component still comes after all that it needs. From here on the order is fixed, and so are the indices.
void lifecycle::arrange() {
  if (shared_) return;
  // From the last to the first, since needs have smaller indices.
  std::vector<bool> in_front(components_.size(), false);
  for (std::size_t i = components_.size(); i-- > 0;) {
    if (components_[i].needed_by_all) in_front[i] = true;
    if (!in_front[i]) continue;
    for (const std::size_t need : components_[i].needs) in_front[need] = true;
  }
  std::vector<component_record> sorted;
  std::vector<std::size_t> moved_to(components_.size());
  std::vector<std::size_t> for_all;
  for (const bool front : {true, false}) {
    for (std::size_t i = 0; i < components_.size(); ++i) {
      if (in_front[i] != front) continue;
      moved_to[i] = sorted.size();
      component_record& c = sorted.emplace_back(std::move(components_[i]));
      for (std::size_t& need : c.needs) need = moved_to[need];
      if (c.needed_by_all) for_all.push_back(moved_to[i]);
      if (!front) c.needs.insert(c.needs.end(), for_all.begin(), for_all.end());
      std::sort(c.needs.begin(), c.needs.end());
      c.needs.erase(std::unique(c.needs.begin(), c.needs.end()), c.needs.end());
    }
  }
  components_ = std::move(sorted);
  // From here on verbs and questions of other threads use the addresses of the components, which stay where they are.
  const auto made = std::make_shared<shared_state>(requests_, time_, components_.size());
  for (std::size_t i = 0; i < components_.size(); ++i) {
    made->entries[i].object = components_[i].object.get();
    made->entries[i].name = components_[i].name;
    if (components_[i].running()) made->entries[i].state = component_state::running;
  }
  shared_ = made;
}

// The text is the arithmetic of the sum: "http 5s + pg 3s". Components that take no time are left out of it.
std::pair<std::string, duration> lifecycle::longest_chain(duration shutdown_times::* of) const {
  std::vector<std::vector<std::size_t>> graph;
  std::vector<duration> takes;
  for (const component_record& c : components_) {
    graph.push_back(c.needs);
    takes.push_back(std::clamp(c.object->times().*of, duration::zero(), deadline::longest));
  }
  const drain_chain chain = v0::longest_chain(graph, takes);
  std::string text;
  for (const std::size_t node : chain.nodes) {
    if (takes[node] == duration::zero()) continue;
    text.append(text.empty() ? "" : " + ").append(components_[node].name).append(" ").append(to_text(takes[node]));
  }
  return {text, chain.takes};
}

}  // namespace lastcall::inline v0
