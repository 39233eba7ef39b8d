// The exit code of a shutdown. All exit codes of the library are named here, and nowhere else.
#pragma once

#include "lastcall/core/namespace.hpp"
#include "lastcall/core/report/outcome.hpp"

namespace lastcall::inline v0 {

namespace exit_codes {

inline constexpr int drained = 0;
inline constexpr int failed = 1;  ///< a component failed: at its start, or later while nothing was forced or hung
inline constexpr int usage = 2;   ///< of the `lastcall` command: its arguments make no sense
inline constexpr int forced = 3;  ///< work was cut at the drain end
inline constexpr int hung = 4;    ///< a component did not return by the deadline

/// Of `lastcall probe`: requests were lost, or it could not measure.
inline constexpr int lost = 1;
inline constexpr int unmeasured = 5;

/// Of a child process that could not become the program it was to be, as a shell says it.
inline constexpr int not_executed = 127;

/// At a third signal: 128 and its number, as a shell says of a process that a signal has ended.
constexpr int by_signal(int number) noexcept { return 128 + number; }

}  // namespace exit_codes

/// What has failed, besides what the components' own reports say of being forced or hung.
struct shutdown_failures {
  bool of_start = false;      ///< a component threw in its start, which set the shutdown off
  bool of_component = false;  ///< a component failed while it ran
};

/// The outcome of the whole. A failed start is always `failed`. A failed component makes `failed` only of a graceful
/// shutdown: forced and hung say more.
outcome final_outcome(outcome of_components, shutdown_failures failures) noexcept;

int exit_code_of(outcome how) noexcept;

}  // namespace lastcall::inline v0
