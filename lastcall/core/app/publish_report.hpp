// Writes the report to its file and to the log, at the end of run().
#pragma once

#include <string>

#include "lastcall/core/app/exit_guard.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0 {

/// Also sets `log_lines_dropped` of the report. An empty `file`: to the log only. A file that can't be written is an
/// error line of the log.   Blocks: until the log's reader has all lines, 500 ms at most, and until shortly before
/// `guard` exits.
void publish_report(report& r, const std::string& file, logger& log, exit_guard& guard);

}  // namespace lastcall::inline v0
