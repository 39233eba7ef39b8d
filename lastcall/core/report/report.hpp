// What is known after a shutdown: who asked for it, how long each part took, what became of every connection and
// request. Not a metric and not a log. Its JSON is described field by field in docs/report.md; fields are only added.
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

#include "lastcall/core/namespace.hpp"
#include "lastcall/core/report/exit_code.hpp"
#include "lastcall/core/report/kernel_counters.hpp"
#include "lastcall/core/report/ledgers.hpp"
#include "lastcall/core/work_item.hpp"

namespace lastcall::inline v0 {

using report_value = std::variant<std::string, std::int64_t, double, bool>;

/// One component's part. It fills in its ledgers and fields itself (component::account); the rest is the lifecycle's.
struct component_report {
  std::string name{};
  /// How long its start took. Empty: it did not start.
  std::optional<double> start_ms{};
  /// Moments, counted from the request for the shutdown. Empty: it did not come to that.
  std::optional<double> drain_began_ms{};
  std::optional<double> drained_ms{};
  std::optional<double> forced_ms{};
  std::optional<double> stopped_ms{};
  bool drained = false;  ///< it had finished its work before it could be forced
  bool forced = false;   ///< it was told to cut; whether that cost anything, see `cut`
  bool stopped = false;
  bool failed = false;  ///< by its own account; of functions: run threw; the field "failure" says what
  bool hung = false;    ///< it did not come back from being forced or stopped
  /// Of one that hung: the verb that has not returned; empty: it never said that it had drained.
  std::string hung_in{};
  std::vector<std::string> stack{};  ///< where its thread stood, the innermost call first
  /// Of one that was forced or hung: what it was at work on then, the oldest first, ten at most.
  std::vector<work_item> in_progress{};
  /// Whether being forced cost any work, if it knows. Empty: its ledgers tell.
  std::optional<bool> lost{};
  connection_ledger connections{};
  request_ledger requests{};
  std::vector<std::pair<std::string, report_value>> fields{};

  /// Something was forced: by its ledgers, by its own word, or since it was told to cut and can't show that nothing was
  /// lost. It shows that by ledgers with something in them that add up, and by having drained within the reserve.
  bool cut() const noexcept;

  void add(std::string key, report_value value) { fields.emplace_back(std::move(key), std::move(value)); }
  template <std::integral I>
    requires(!std::same_as<I, bool>)
  void add(std::string key, I value) {
    add(std::move(key), report_value(static_cast<std::int64_t>(value)));
  }
};

/// What set the shutdown off.
enum class trigger : unsigned char { none, signal, request, failed_start, failed_component };

struct report {
  int schema = 1;

  lastcall::trigger trigger = lastcall::trigger::none;
  std::string signal{};  ///< "SIGTERM"; empty unless it was a signal
  std::string sender{};  ///< "pid 123 (kubelet)"
  std::string why{};     ///< the text of the request or of the failed start
  std::chrono::system_clock::time_point began{};

  double grace_ms = 0;
  double reserve_ms = 0;
  double readiness_delay_ms = 0;

  double start_ms = 0;      ///< all starts together
  double readiness_ms = 0;  ///< from the request to the first drain
  double drain_ms = 0;      ///< from there until all had drained or the drain end came
  double stop_ms = 0;       ///< from there to the end: force, and the last stops
  double total_ms = 0;      ///< the sum of the last three

  lastcall::outcome outcome = lastcall::outcome::graceful;
  int exit_code = 0;
  std::vector<component_report> components{};  ///< in the order of their start
  /// The chain that the end had to wait for, the first to drain first: each had to stop before the next could drain.
  std::vector<std::string> critical_path{};
  std::vector<std::string> errors{};
  /// What the kernel counted during the shutdown, in the whole network namespace. Empty: it can't be read.
  std::optional<kernel_counters> kernel{};
  std::uint64_t log_lines_dropped = 0;  ///< so far: nobody read them

  /// Sums over the components.
  connection_ledger connections() const noexcept;
  request_ledger requests() const noexcept;
  std::vector<std::string> hung() const;
  /// Connections that the kernel reset with data in them, beyond those that the ledgers say were forced or reset.
  std::uint64_t unexplained_resets() const noexcept;
};

std::string_view to_text(trigger what) noexcept;

/// One JSON object, indented, with a line for each component and a newline at its end.
std::string to_json(const report& r);
/// A few lines for people.
std::string to_text(const report& r);

}  // namespace lastcall::inline v0
