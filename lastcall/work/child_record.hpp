// What is known of a child while it runs: for reports, metrics and signals. Written by run_child.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <optional>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/process/start_process.hpp"
#include "lastcall/work/run_child.hpp"

namespace lastcall::inline v0::detail {

struct child_record {
  mutable std::mutex mutex;          // guards the rest
  const descriptor* exit = nullptr;  // while it runs
  pid_t pid = -1;
  time_point began{};
  std::uint64_t starts = 0;
  std::uint64_t lines_dropped = 0;
  bool killed = false;                  // by force
  std::optional<exit_status> status{};  // of the last that ended
};

/// Errors: as run_child's.
void check(const child_program& of);
exit_status run_child(const child_program& program, const context& with, const logger& log, child_record& into);

}  // namespace lastcall::inline v0::detail
