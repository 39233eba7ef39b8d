#include "lastcall/core/exit/terminate_line.hpp"

#include <atomic>
#include <cstdlib>
#include <exception>
#include <string>

#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/json.hpp"
#include "lastcall/core/stacks/watched_thread.hpp"

namespace lastcall::inline v0 {
namespace {

std::atomic<std::terminate_handler> handler_before{nullptr};

[[noreturn]] void on_terminate() {
  if (watched_thread::of_caller()) say_where_it_ends("std::terminate");
  if (const std::terminate_handler before = handler_before.load()) before();
  std::abort();
}

}  // namespace

void name_threads_that_terminate() noexcept {
  [[maybe_unused]] static const bool once = [] {
    handler_before = std::set_terminate(on_terminate);
    return true;
  }();
}

void say_where_it_ends(std::string_view what) noexcept {
  try {
    std::string line = "lastcall: ";
    line.append(what);
    if (const auto here = watched_thread::of_caller()) {
      line += " on a thread of component ";
      json_writer(line).value(here->component);  // also keeps control characters off the terminal
      line.append(" (").append(here->role).append("), in ");
      json_writer(line).value(here->activity.empty() ? "nothing that has a name" : here->activity);
    }
    try_write_stderr(line.append("; the process can't go on\n"));
  } catch (const std::exception&) {  // out of memory
  }
}

}  // namespace lastcall::inline v0
