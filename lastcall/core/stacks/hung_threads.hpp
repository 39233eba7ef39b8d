// Which of all stacks are worth a line of the report on a component that hangs, and how they read there. Takes no
// stacks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"
#include "lastcall/core/stacks/stack.hpp"

namespace lastcall::inline v0 {

/// Of each thread a line that ends with a colon, then one for each frame: loops of `component` and threads at work on
/// something of it, eight at most. Where it hangs in no verb its work is not over, so loops that do not wait for events
/// may be the cause, whoever they belong to.
std::vector<std::string> where_it_hangs(std::span<const thread_stack> all, std::string_view component, bool in_a_verb);

}  // namespace lastcall::inline v0
