// The exit code of a shutdown. All exit codes of the library are named here, and nowhere else; docs/report.md has its
// table from here (scripts/tables.py --write).
#pragma once

#include <array>

#include "lastcall/core/report/outcome.hpp"

namespace lastcall::inline v0 {

namespace exit_codes {

inline constexpr int drained = 0;  ///< all accepted work was finished, perhaps within the reserve
inline constexpr int failed = 1;   ///< a component failed: at its start, or later while nothing was forced or hung
inline constexpr int usage = 2;   ///< settings that can't work, of a program that catches them; wrong use of `lastcall`
inline constexpr int forced = 3;  ///< work was cut at the drain end, or at a second signal
inline constexpr int hung = 4;    ///< a component did not return by the deadline

inline constexpr int not_executed = 127;  ///< of a child process that could not become its program, as a shell says it

/// At a third signal: 128 and its number, as a shell says of a process that a signal has ended.
constexpr int by_signal(int number) noexcept { return 128 + number; }

}  // namespace exit_codes

/// Of `lastcall probe`, besides exit_codes::usage. docs/probe.md has its table from here (scripts/tables.py --write).
namespace probe_codes {

inline constexpr int nothing_lost = 0;  ///< every request was answered as expected, or refused after the signal
inline constexpr int lost = 1;          ///< one was not, or the server had to be killed
inline constexpr int unmeasured = 5;    ///< the measurement was not possible

}  // namespace probe_codes

/// What has failed, besides what the components' own reports say of being forced or hung.
struct shutdown_failures {
  bool of_start = false;      ///< a component threw in its start, which set the shutdown off
  bool of_component = false;  ///< a component failed while it ran
};

/// The outcome of the whole. A failed start is always `failed`. A failed component makes `failed` only of a graceful
/// shutdown: forced and hung say more.
constexpr outcome final_outcome(outcome of_components, shutdown_failures failures) noexcept {
  if (failures.of_start) return outcome::failed;
  if (failures.of_component && of_components == outcome::graceful) return outcome::failed;
  return of_components;
}

constexpr int exit_code_of(outcome how) noexcept {
  constexpr std::array<int, detail::enum_count<outcome>()> by_outcome{exit_codes::drained, exit_codes::forced,
                                                                      exit_codes::hung, exit_codes::failed};
  return by_outcome[static_cast<std::size_t>(how)];
}

}  // namespace lastcall::inline v0
