#include "lastcall/core/app/publish_report.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/report/report_file.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr duration longest_flush = std::chrono::milliseconds(500);
constexpr duration flush_margin = std::chrono::milliseconds(10);  // the flush ends so long before the guard exits

}  // namespace

void publish_report(report& r, const std::string& file, logger& log, exit_guard& guard) {
  r.log_lines_dropped = log.dropped();
  if (!file.empty()) {
    const std::string temporary = temporary_name(file);
    if (const auto failure = write_whole(file.c_str(), temporary.c_str(), to_json(r))) {
      log.error("app", "report not written", {{"file", file}, {"error", failure.message()}});
    } else if (r.exit_code == exit_codes::hung) {
      guard.keep_report();
    }
  }
  const log_level level = r.exit_code == exit_codes::drained ? log_level::info : log_level::warning;
  const std::string text = to_text(r);
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    log.write(level, "app", line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  const time_point now = steady().now();
  const auto exits_at = guard.exits_at();
  const time_point until = exits_at ? *exits_at - flush_margin : now + longest_flush;
  log.flush(std::clamp(until - now, duration::zero(), longest_flush));
}

}  // namespace lastcall::inline v0
