// One line that names the component and what it was doing, before std::terminate ends the process.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// From here on std::terminate on a registered thread (core/stacks/watched_thread.hpp) writes such a line, and then
/// does what it did before. For verbs that are noexcept: what leaves them can be neither caught nor let go on. Threads:
/// any.
void name_threads_that_terminate() noexcept;

/// Writes the line for the calling thread: `what`, then component, role and activity, as far as they are known.
void say_where_it_ends(std::string_view what) noexcept;

}  // namespace lastcall::inline v0
