// Leaves the process when the shutdown does not: it arms the watchdog, with the backstop behind it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/exit/backstop.hpp"
#include "lastcall/core/exit/watchdog.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::inline v0 {

/// Does nothing until `enable`, which only run() calls: an embedding program decides itself when it exits. Does nothing
/// with a clock other than steady() either.   Threads: the driver.
class exit_guard {
 public:
  explicit exit_guard(const clock& time) : time_(time) {}

  /// `position` outlives it.
  void enable(const driver_position& position, const std::vector<std::string>& components,
              const std::string& report_file);

  /// The process exits with 4, 60 ms after `deadline`. The last call counts. `thread` runs the watchdog, and is
  /// destroyed before this.
  void arm(time_point deadline, signals& thread);
  /// When the process exits. Empty: it is not armed.
  std::optional<time_point> exits_at() const noexcept;
  /// The report file says all already: the watchdog must not replace it.
  void keep_report() noexcept;

  /// Exits with the report's code when threads may still be inside components: they must not meet the destructors of
  /// what they use, so static objects and exit handlers do not run either. Returns otherwise.
  void exit_if_hung(const report& r, bool verbs_under_way, bool reload_under_way) const noexcept;

 private:
  const clock& time_;
  std::optional<watchdog> watchdog_;
  time_point deadline_ = time_point::max();
  backstop backstop_;
};

}  // namespace lastcall::inline v0
