// The longest chain in the graph of components: how long a shutdown takes at least, and what made it long. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

struct drain_chain {
  std::vector<std::size_t> nodes{};  ///< the first to drain first
  duration takes{};
};

/// The longest of all chains in which each node needs the next. `graph[i]` lists the nodes that node i needs, all of
/// them before i. `takes[i]` is the time of node i alone.
drain_chain longest_chain(const std::vector<std::vector<std::size_t>>& graph, const std::vector<duration>& takes);

/// The chain that determined how long the shutdown took: the node that stopped last, before it the last of those that
/// needed it, and so on. `stopped[i]` is when node i had stopped; nodes without a time are left out.
std::vector<std::size_t> critical_path(const std::vector<std::vector<std::size_t>>& graph,
                                       const std::vector<std::optional<double>>& stopped);

}  // namespace lastcall::inline v0
