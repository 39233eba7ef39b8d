// Where an app and each of its components stand at one moment. For monitoring: the report says how it ended.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

enum class app_phase : unsigned char {
  starting,
  serving,
  announced,  ///< not ready any more, and still serving everything
  draining,
  forcing,  ///< the drain end has come: what is left was cut
  over,
};
inline constexpr std::size_t app_phases = 6;

enum class component_state : unsigned char { waiting, starting, running, failed, draining, forced, stopped, hung };
inline constexpr std::size_t component_states = 8;

std::string_view to_text(app_phase phase) noexcept;
std::string_view to_text(component_state state) noexcept;

struct component_status {
  std::string name{};
  component_state state = component_state::waiting;
  std::optional<double> connections{};  ///< open now, if it measures them
  std::optional<double> requests{};     ///< in progress, likewise
  /// Of the connections, how many of each kind: "http1", "events".
  std::vector<std::pair<std::string, double>> kinds{};
  double told{};  ///< long-lived remotes that have heard of the drain
};

struct app_status {
  app_phase phase = app_phase::starting;
  bool ready = false;
  std::string cause{};                         ///< who asked for the end; empty before
  std::optional<duration> announced{};         ///< how long ago readiness ended
  std::optional<duration> until_force{};       ///< until the drain end; empty before the end was asked for
  std::optional<duration> left{};              ///< until the deadline, likewise
  std::vector<component_status> components{};  ///< in the order of their start

  /// How many have started and have not stopped.
  std::size_t running() const noexcept;
};

/// Why it is not ready, in a few words; empty if it is: "starting: postgres, http", "draining; not ready for 1.5s".
std::string unready_because(const app_status& s);

/// One JSON object, in one line; durations in milliseconds.
std::string to_json(const app_status& s);

}  // namespace lastcall::inline v0
