// The report of a shutdown: what requested it, how long each part took, what became of every connection and request.
// Not a metric and not a log. docs/report.md describes each field of its JSON; fields are added, never changed.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/report/kernel_counters.hpp"
#include "lastcall/core/report/ledgers.hpp"
#include "lastcall/core/report/outcome.hpp"

namespace lastcall::inline v0 {

using report_value = std::variant<std::string, std::int64_t, double, bool>;

/// The part of one component. The component sets its ledgers, `lost`, `failed` and `fields` (component::account), the
/// lifecycle the rest.
struct component_report {
  std::string name{};
  /// The time that its start took. Empty: it did not start.
  std::optional<double> start_ms{};
  /// Times since the request for the shutdown. Empty: that did not happen.
  std::optional<double> drain_began_ms{};
  std::optional<double> drained_ms{};
  std::optional<double> forced_ms{};
  std::optional<double> stopped_ms{};
  bool drained = false;  ///< it had finished its work before any force
  bool forced = false;   ///< `force` was called; see `cut` for whether work was lost
  bool stopped = false;
  bool failed = false;  ///< it says so itself; a component of functions sets it when `run` threw
  bool hung = false;    ///< it did not return, or did not drain, by the deadline
  /// Of a hung component: the verb that has not returned. Empty: it never called `done`.
  std::string hung_in{};
  std::vector<std::string> stack{};  ///< of a hung component: the stacks of its threads, the innermost call first
  /// Of a forced or hung component: its work in progress at that time, the oldest first, ten at most.
  std::vector<work_item> in_progress{};
  /// Work was lost when it was forced. Empty: its ledgers show it.
  std::optional<bool> lost{};
  connection_ledger connections{};
  request_ledger requests{};
  std::vector<std::pair<std::string, report_value>> fields{};

  /// Work was cut. So say its ledgers or its `lost`; or it was forced and can't show that nothing was lost. It shows
  /// that by ledgers that are not empty and add up, and by having drained within the reserve.
  bool cut() const noexcept;

  void add(std::string key, report_value value) { fields.emplace_back(std::move(key), std::move(value)); }
  template <std::integral I>
    requires(!std::same_as<I, bool>)
  void add(std::string key, I value) {
    add(std::move(key), report_value(static_cast<std::int64_t>(value)));
  }
};

enum class cause_kind : unsigned char { none, signal, request, failed_start, failed_component };

/// Why the app shut down.
struct shutdown_cause {
  cause_kind kind = cause_kind::none;
  std::string signal{};  ///< "SIGTERM"; empty if it was not a signal
  std::string sender{};  ///< "pid 123 (kubelet)"
  std::string text{};    ///< the text of the request or of the failed start
};

struct report {
  int schema = 1;

  shutdown_cause cause{};
  std::chrono::system_clock::time_point began{};

  double grace_ms = 0;
  double reserve_ms = 0;
  double readiness_delay_ms = 0;

  double start_ms = 0;        ///< all starts together
  double readiness_ms = 0;    ///< from the request to the first drain
  double drain_ms = 0;        ///< then, until all had drained or the drain end came
  double stop_ms = 0;         ///< then, until the end: force, and the last stops
  double total_ms = 0;        ///< the sum of the last three
  double not_running_ms = 0;  ///< of it: how long the process itself did not run, as far as its wakes came late

  lastcall::outcome outcome = lastcall::outcome::graceful;
  int exit_code = 0;
  std::vector<component_report> components{};  ///< in the order of their start
  /// The chain of components that made the shutdown as long as it was. Each had to stop before the next could drain.
  std::vector<std::string> critical_path{};
  std::vector<std::string> errors{};
  /// The kernel's counters during the shutdown, of the whole network namespace. Empty: they can't be read.
  std::optional<kernel_counters> kernel{};
  std::uint64_t log_lines_dropped = 0;  ///< until the report was written

  /// Sums over the components.
  connection_ledger connections() const noexcept;
  request_ledger requests() const noexcept;
  std::vector<std::string> hung() const;
  /// How many connections the kernel reset with data in them, minus those that the ledgers explain.
  std::uint64_t unexplained_resets() const noexcept;
};

std::string_view to_text(cause_kind what) noexcept;

/// One JSON object, indented, with a line for each component and a newline at its end.
std::string to_json(const report& r);
/// A few lines of text, for the log.
std::string to_text(const report& r);

}  // namespace lastcall::inline v0
