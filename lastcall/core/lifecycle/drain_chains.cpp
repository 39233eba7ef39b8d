#include "lastcall/core/lifecycle/drain_chains.hpp"

#include <algorithm>

#include "lastcall/core/deadline.hpp"

namespace lastcall::inline v0 {

drain_chain longest_chain(const std::vector<std::vector<std::size_t>>& graph, const std::vector<duration>& takes) {
  // Users come behind what they need, so from the back each is complete when its turn comes.
  std::vector<duration> until(graph.size());  // it has stopped
  std::vector<std::optional<std::size_t>> after(graph.size());
  std::optional<std::size_t> last;
  for (std::size_t i = graph.size(); i-- > 0;) {
    until[i] += std::clamp(takes[i], duration::zero(), 2 * deadline::longest);  // no sum of many overflows
    if (!last || until[i] > until[*last]) last = i;
    for (const std::size_t need : graph[i]) {
      if (after[need] && until[need] >= until[i]) continue;
      until[need] = until[i];
      after[need] = i;
    }
  }
  drain_chain longest;
  if (last) longest.takes = until[*last];
  for (; last; last = after[*last]) longest.nodes.insert(longest.nodes.begin(), *last);
  return longest;
}

std::vector<std::size_t> critical_path(const std::vector<std::vector<std::size_t>>& graph,
                                       const std::vector<std::optional<double>>& stopped) {
  std::vector<std::optional<std::size_t>> last_user(graph.size());
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if (!stopped[i]) continue;
    if (!last || *stopped[i] > *stopped[*last]) last = i;
    for (const std::size_t need : graph[i])
      if (!last_user[need] || *stopped[i] > *stopped[*last_user[need]]) last_user[need] = i;
  }
  std::vector<std::size_t> path;
  for (; last; last = last_user[*last]) path.push_back(*last);
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace lastcall::inline v0
