// Leaves the process, with a report, when the driver hangs. app/exit_guard.hpp decides when.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/lifecycle/driver_position.hpp"
#include "lastcall/core/lifecycle/verb.hpp"
#include "lastcall/core/reserved_descriptor.hpp"

namespace lastcall::inline v0 {

/// The constructor prepares all texts. Afterwards it does not lock or allocate.
class watchdog {
 public:
  watchdog(const driver_position& position, const std::vector<std::string>& components, const std::string& report_file);

  /// Writes to standard error and to the report which component hangs in which verb, or that the app itself does; then
  /// exits with 4. Writing the report may hang: see backstop.hpp.   Threads: any.
  [[noreturn]] void exit_process() const noexcept;
  /// Writes to standard error which component hangs in which verb. An empty verb: it never called `done`.
  static void write_hung(std::string_view in, std::string_view component) noexcept;
  /// The report file is complete: `exit_process` must not replace it.   Threads: any.
  void keep_report() noexcept { report_kept_.store(true, std::memory_order_relaxed); }

 private:
  struct lines {
    std::string text;
    std::string report;
  };
  lines lines_for(verb in, std::string_view component) const;

  const driver_position& position_;
  mutable detail::reserved_descriptor for_the_report_;
  std::atomic<bool> report_kept_{false};
  std::string report_file_;
  std::string temporary_file_;  // not the driver's: the driver may be writing at the same time
  std::vector<lines> lines_;    // the first is for no verb, then one for each verb of each component
};

}  // namespace lastcall::inline v0
