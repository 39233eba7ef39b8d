#include "lastcall/work/child.hpp"

#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/work/child_record.hpp"
#include "lastcall/work/restart_pauses.hpp"

namespace lastcall::inline v0 {

namespace {

using detail::child_record;

// One end after the other, until one of them was wanted.
void run_again(const child_options& with, const context& ends, const logger& log, child_record& record) {
  detail::restart_pauses pauses(with.first_pause, with.longest_pause);
  std::minstd_rand random(std::random_device{}());
  for (bool is_first = true;; is_first = false) {
    const time_point began = steady().now();
    std::string how;
    try {
      const exit_status status = detail::run_child(with.program, ends, log, record);
      how = to_text(status);
      if (ends.draining()) return log.info(with.name, "has ended", {{"status", how}});
      if (!with.restarts && status == exit_status{.code = 0})
        return log.info(with.name, "has ended by itself", {{"status", how}});
      if (!with.restarts) throw std::runtime_error("ended by itself: " + how);
    } catch (const std::system_error& not_started) {
      if (is_first) throw;
      how = not_started.what();
    }
    const duration pause = pauses.after(steady().now() - began, std::generate_canonical<double, 24>(random));
    log.warning(with.name, "has ended by itself; it is started again",
                {{"status", how}, {"pause", to_text(std::chrono::floor<std::chrono::milliseconds>(pause))}});
    if (!ends.wait_for(pause)) return;
  }
}

void account(const child_record& of, component_report& out) {
  const std::lock_guard held(of.mutex);
  out.add("starts", of.starts);
  if (of.status) out.add("status", report_value(to_text(*of.status)));
  if (of.killed) out.add("killed", report_value(true));
  if (of.lines_dropped > 0) out.add("lines_dropped", of.lines_dropped);
  out.lost = of.killed || of.exit != nullptr;
}

void measure(const child_record& of, metrics& into) {
  const std::lock_guard held(of.mutex);
  into.gauge("lastcall_child_running", "1: the child runs.", of.exit != nullptr ? 1 : 0);
  into.counter("lastcall_child_starts_total", "How often it was started.", of.starts);
  into.counter("lastcall_child_lines_dropped_total", "Lines of its output that were too many for the log.",
               of.lines_dropped);
}

void in_progress(const child_record& of, std::vector<work_item>& out, std::size_t limit) {
  const std::lock_guard held(of.mutex);
  if (of.exit != nullptr && out.size() < limit)
    out.push_back({.label = "process " + std::to_string(of.pid), .age = steady().now() - of.began});
}

}  // namespace

child::child(options with, app& owner) : child(std::move(with), owner.log(), &owner) {}
child::child(options with, logger log) : child(std::move(with), std::move(log), nullptr) {}

child::child(options&& with, logger log, app* owner) : record_(std::make_shared<detail::child_record>()) {
  if (with.name.empty()) with.name = "child";
  if (with.program.name.empty()) with.program.name = with.name;
  detail::check(with.program);
  const detail::option_check in(with.name);
  in.time_above_zero("first_pause", with.first_pause);
  in.time_above_zero("longest_pause", with.longest_pause);
  const std::string name = with.name;
  const auto what = std::make_shared<const options>(std::move(with));
  made_of(name,
          {.run = [what, log, of = record_](const context& ends) { run_again(*what, ends, log, *of); },
           .ready =
               [of = record_] {
                 const std::lock_guard held(of->mutex);
                 return of->starts > 0;
               },
           .account = [of = record_](component_report& out) { lastcall::account(*of, out); },
           .measure = [of = record_](metrics& into) { lastcall::measure(*of, into); },
           .in_progress = [of = record_](std::vector<work_item>& out,
                                         std::size_t limit) { lastcall::in_progress(*of, out, limit); },
           .may_return = true},
          log, owner);
}

std::optional<exit_status> child::status() const {
  const std::lock_guard held(record_->mutex);
  return record_->status;
}

bool child::signal(int number) const {
  const std::lock_guard held(record_->mutex);
  return record_->exit != nullptr && detail::signal_process(*record_->exit, number);
}

}  // namespace lastcall::inline v0
