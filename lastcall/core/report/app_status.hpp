// The state of an app and of its components at one moment, for monitoring. How it ended is in the report.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/enum_names.hpp"
#include "lastcall/core/metrics.hpp"

namespace lastcall::inline v0 {

enum class app_phase : unsigned char {
  starting,
  serving,
  announced,  ///< not ready any more, but still serving
  draining,
  forcing,  ///< the drain end has come, and the work that was left was cut
  over,
};

/// Those that have not started come first.
enum class component_state : unsigned char { waiting, starting, failed, running, draining, forced, stopped, hung };

constexpr std::string_view to_text(app_phase phase) noexcept { return detail::enum_name(phase); }
constexpr std::string_view to_text(component_state state) noexcept { return detail::enum_name(state); }
constexpr bool has_started(component_state state) noexcept { return state > component_state::failed; }
inline constexpr std::size_t app_phases = detail::enum_count<app_phase>();
inline constexpr std::size_t component_states = detail::enum_count<component_state>();

struct component_status {
  std::string name{};
  component_state state = component_state::waiting;
};

struct app_status {
  app_phase phase = app_phase::starting;
  bool ready = false;
  std::string unready{};                       ///< what speaks against it although it serves: app::ready_unless
  std::string cause{};                         ///< what requested the shutdown; empty before
  std::optional<duration> announced{};         ///< the time since readiness ended
  std::optional<duration> until_force{};       ///< the time until the drain end; empty before the request
  std::optional<duration> left{};              ///< the time until the deadline; empty before the request
  std::vector<component_status> components{};  ///< in the order of the start

  /// How many components have started and have not stopped.
  std::size_t running() const noexcept;
};

/// Why it is not ready: "starting: postgres, http", "draining; not ready for 1.5s", or what app::ready_unless says.
/// Empty if it is ready.
std::string unready_because(const app_status& s);

/// One JSON object, in one line; durations in milliseconds. With the numbers that components show.
std::string to_json(const app_status& s, const metrics& numbers = {});

}  // namespace lastcall::inline v0
