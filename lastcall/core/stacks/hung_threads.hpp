// Chooses, from the stacks of all threads, those that show why a component hangs, as lines for the report. Takes no
// stacks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/stacks/stack.hpp"

namespace lastcall::inline v0 {

/// For each thread a line that ends with a colon, then a line for each frame. Lists the loops of `component` and the
/// threads that work for it, eight at most. A component that hangs in no verb has unfinished work: then loops of any
/// component that do not wait for events are listed too, since they may be the cause. First comes the thread that most
/// likely hangs: of the verb, else the one longest at work, before blocked loops, before loops that wait for events.
std::vector<std::string> where_it_hangs(std::span<const thread_stack> all, std::string_view component, bool in_a_verb);

}  // namespace lastcall::inline v0
