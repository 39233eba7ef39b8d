#include "lastcall/net/task.hpp"

#include "lastcall/core/exit/terminate_line.hpp"

namespace lastcall::inline v0 {

std::exception_ptr detail::caught_in_coroutine() {
  try {
    return caught();
  } catch (const forced_unwind&) {
    say_where_it_ends("a coroutine ended its thread (pthread_exit or a cancellation)");
    throw;
  }
}

}  // namespace lastcall::inline v0
