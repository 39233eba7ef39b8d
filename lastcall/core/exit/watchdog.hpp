// The last resort: how to leave the process when the driving thread does not come back. Decides no times; app.hpp arms
// it with signals::wake_at.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/lifecycle/driver_position.hpp"
#include "lastcall/core/lifecycle/verb.hpp"
#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Everything it will say is laid out beforehand; from then on it neither locks nor allocates.
class watchdog {
 public:
  watchdog(const driver_position& position, const std::vector<std::string>& components, const std::string& report_file);

  /// Says which component hangs in which verb, or that the app itself does, to standard error and in the report, and is
  /// gone. The report may hang as well: backstop.hpp.   Threads: any.
  [[noreturn]] void exit_process() const noexcept;
  /// Says which component hangs in which verb, to standard error. An empty verb: it never said that it had drained.
  static void write_hung(std::string_view in, std::string_view component) noexcept;
  /// What is in the report file already says exit code 4, and more: leave it there.   Threads: any.
  void keep_report() noexcept { report_kept_.store(true, std::memory_order_relaxed); }

 private:
  struct lines {
    std::string text;
    std::string report;
  };
  lines lines_for(verb in, std::string_view component) const;

  const driver_position& position_;
  std::atomic<bool> report_kept_{false};
  std::string report_file_;
  std::string temporary_file_;  // its own: the driving thread may be writing at the same time
  std::vector<lines> lines_;    // one for each verb of each component, after one for no verb at all
};

}  // namespace lastcall::inline v0
