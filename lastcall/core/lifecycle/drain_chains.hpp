// The longest way through the graph of an end: what a shutdown will take at least, and what it took. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

struct drain_chain {
  std::vector<std::size_t> nodes{};  ///< the first to drain first
  duration takes{};
};

/// Of all chains in which each node needs the next, the one that takes longest. `graph[i]` lists what node i needs, all
/// of it before i; `takes[i]` is how long it takes itself.
drain_chain longest_chain(const std::vector<std::vector<std::size_t>>& graph, const std::vector<duration>& takes);

/// The chain that an end had to wait for: the last to stop, before it the last of those that needed it, and so on.
/// `stopped[i]` is when it had; those that had not are left out.
std::vector<std::size_t> critical_path(const std::vector<std::vector<std::size_t>>& graph,
                                       const std::vector<std::optional<double>>& stopped);

}  // namespace lastcall::inline v0
