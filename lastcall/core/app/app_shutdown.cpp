// How the driver of an app starts, serves and ends it, what it adds to the lifecycle's part of the report, and where
// the report goes.
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/app_parts.hpp"
#include "lastcall/core/app/shutdown_cause.hpp"
#include "lastcall/core/caught.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/exit/terminate_line.hpp"
#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/late_wake.hpp"
#include "lastcall/core/lifecycle/shutdown_run.hpp"
#include "lastcall/core/report/kernel_counters.hpp"
#include "lastcall/core/report/report_file.hpp"
#include "lastcall/core/signals/signal_name.hpp"

namespace lastcall::inline v0 {
namespace {

// Before the start, whether the times that the components state fit into the grace period. Typical times that do not
// fit are a warning.
void check_budget(const settings& config, const lifecycle& life, const logger& log) {
  const duration room = config.grace - config.reserve - config.readiness_delay;
  const auto arithmetic = [&](const std::pair<std::string, duration>& chain) {
    return chain.first + " = " + to_text(chain.second) + ", and " + named("grace", config.grace, config.from.grace) +
           " - " + named("reserve", config.reserve, config.from.reserve) + " - " +
           named("readiness delay", config.readiness_delay, config.from.readiness_delay) + " leaves " + to_text(room);
  };
  if (const auto least = life.longest_chain(&shutdown_times::minimum); least.second > room) {
    throw std::invalid_argument("app: the components need at least " + arithmetic(least) +
                                " to drain in; raise the grace period or shorten what they take");
  }
  if (const auto typical = life.longest_chain(&shutdown_times::typical); typical.second > room)
    log.warning("app", "the components typically need more time than there is", {{"arithmetic", arithmetic(typical)}});
}

}  // namespace

// Options are read before signals are caught: a wrong value must not change any signal handler.
app::parts::parts(app_options options)
    : made_in(getpid()),
      config(resolve(options, options.environment ? process_environment() : environment())),
      time(options.time != nullptr ? *options.time : steady()),
      log(config.log, std::move(options.sink), config.format),
      guard(time),
      reloads(log, requests),
      dump(requests),
      signal_routes(options, requests, time, driver) {
  if (options.on_reload) reloads.add(std::move(options.on_reload));
}

void app::parts::check_process() const {
  if (getpid() != made_in)
    throw std::logic_error("app: made in process " + std::to_string(made_in) +
                           ", whose threads a fork leaves there, so nobody would hear signals in process " +
                           std::to_string(getpid()) + "; fork (daemon()) first, then make the app");
}

lifecycle::start_result app::parts::start(app_driver by) {
  driver = by;
  name_threads_that_terminate();
  life.arrange();
  check_budget(config, life, log);
  log.info("app", "starting", {{"components", std::to_string(life.names().size())}});
  const auto meanwhile = [this] {
    dump.write_if_requested(life);
    manager->starting(time.now(), config.start_timeout);
  };
  const auto result = life.start(meanwhile, config.start_timeout, config.from.start_timeout);
  if (result == lifecycle::start_result::started) {
    log.info("app", "ready");
    manager->ready(time.now());
    if (const std::string taken = signal_routes.taken_over(); !taken.empty())
      log.warning("app", "another handler has replaced that of the app, which does not hear these signals any more",
                  {{"signals", taken}});
  }
  if (result == lifecycle::start_result::failed) {
    const std::string cause = to_text(life.failure());
    log.error("app", cause);
    manager->failed(cause, life.failure(), time.now());
    requests->request_as_driver(stamped({.kind = cause_kind::failed_start, .text = cause}, time));
  }
  return result;
}

void app::parts::serve() {
  life.maintain_verbs();
  dump.write_if_requested(life);
  reload_if_requested();
  tell_manager();
  if (!requests->announced() || life.announced()) return;
  log.info("app", "announced: not ready any more, serving on", {{"delay", to_text(config.readiness_delay)}});
  manager->stopping(time.now(), "announced: not ready any more, serving on");
  life.announce();
}

shutdown_budget app::parts::whole_budget() const {
  return {.grace = config.grace, .reserve = config.reserve, .readiness_delay = config.readiness_delay};
}

duration app::parts::readiness_served(time_point requested_at) const noexcept {
  const auto announced = requests->announced();
  return announced ? std::clamp(requested_at - *announced, duration::zero(), config.readiness_delay) : duration::zero();
}

// Completes the budget: what it leaves out is left out of the report too.
// The guard is armed before anything else, and again when a force brings the deadline nearer. A reload hook may use
// what is about to be destroyed, so it is waited for.
void app::parts::end(shutdown_budget budget, time_point from, time_point awake_at) {
  const shutdown_request& by = *requests->first();
  reserve = budget.reserve;
  for_the_end.release();
  const time_point by_then = from + budget.grace;
  const time_point now = time.now();
  const bool late = now > awake_at && now - awake_at > longest_lateness;
  guard.arm(late ? std::max(by_then, now + 2 * further_moment) : by_then, signal_routes.thread());
  counted_before = read_kernel_counters();
  log.info("app", "shutting down: " + cause_for_log(by), {{"grace", to_text(budget.grace)}});
  manager->stopping(now, by.kind == cause_kind::failed_start ? by.text : "shutting down: " + cause_for_log(by));
  if (config.extend_stop) extension.emplace(from, *config.kill_after, budget.reserve);
  budget.announce = life.started() && !life.announced();
  const bool no_balancer = from_terminal(by) && !config.delay_from_terminal;
  if (!life.started() || no_balancer) budget.readiness_delay = duration::zero();
  shutdown_run run{.life = life, .requests = *requests, .time = time};
  run.deadline_moved = [this](time_point deadline) { guard.arm(deadline, signal_routes.thread()); };
  run.also_waits_for = [this] { return reloads.under_way(); };
  run.meanwhile = [this] {
    dump.write_if_requested(life);
    tell_manager();
    extend_stop();
    if (forced_by.empty() && !(forced_by = signal_routes.forced_by()).empty()) log.warning("app", forced_by);
  };
  const duration reload_took = run.drive(budget, from, awake_at);
  for_the_report.release();
  make_report(budget, reload_took);
}

void app::parts::make_report(shutdown_budget budget, duration reload_took) {
  const shutdown_request& by = *requests->first();
  report& r = final_report.emplace();
  r.cause.kind = by.kind;
  r.cause.text = by.text;
  if (by.kind == cause_kind::signal) {
    r.cause.signal = signal_name(by.signal.number);
    r.cause.sender = describe_sender(by.signal);
  }
  r.began = by.wall;
  r.grace_ms = to_ms(budget.grace);
  r.reserve_ms = to_ms(budget.reserve);
  r.readiness_delay_ms = to_ms(budget.readiness_delay);
  life.fill(r);
  r.stop_ms += to_ms(reload_took);
  r.total_ms += to_ms(reload_took);
  if (const auto counted = read_kernel_counters(); counted && counted_before) {
    r.kernel = *counted - *counted_before;
    r.kernel->ours_alone = !config.in_a_pod && network_namespace_is_ours_alone();
  }
  if (reloads.under_way()) {
    r.errors.emplace_back("on_reload has not returned");
    r.outcome = outcome::hung;
  }
  if (!forced_by.empty()) r.errors.push_back(std::move(forced_by));
  const bool failed = take_failures() || by.kind == cause_kind::failed_component ||
                      std::ranges::any_of(r.components, &component_report::failed);
  r.outcome = final_outcome(r.outcome, {.of_start = by.kind == cause_kind::failed_start, .of_component = failed});
  r.exit_code = exit_code_of(r.outcome);
}

// True if a component failed while it ran. The failure that is the cause of the shutdown is in the report already.
bool app::parts::take_failures() {
  const std::lock_guard lock(failures_mutex);
  for (std::string& each : failures)
    if (each != final_report->cause.text) final_report->errors.push_back(std::move(each));
  return !failures.empty();
}

// Blocks until the log's reader has all lines, 500 ms at most, and until shortly before the guard exits.
void app::parts::publish_report() {
  const auto failure = exception_of([this] { try_publish_report(); });
  if (failure) try_write_stderr("lastcall: report not written: out of memory\n");
}

void app::parts::try_publish_report() {
  report& r = *final_report;
  const std::string& file = config.report_file;
  r.log_lines_dropped = log.dropped();
  if (!file.empty()) {
    const std::string temporary = temporary_name(file);
    if (const auto failure = write_whole(file.c_str(), temporary.c_str(), to_json(r))) {
      log.error("app", "report not written", {{"file", file}, {"error", failure.message()}});
      if (!log.enabled(log_level::error)) try_write_stderr("lastcall: report not written: " + failure.message() + "\n");
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
  if (const std::uint64_t resets = r.unexplained_resets(); resets > 0 && !r.kernel->ours_alone)
    log.debug("app", "connections of this network namespace, perhaps of other processes, were reset with data in them",
              {{"resets", std::to_string(resets)}});
  constexpr duration longest_flush = std::chrono::milliseconds(500);
  constexpr duration flush_margin = std::chrono::milliseconds(10);  // the flush ends so long before the guard exits
  const time_point now = steady().now();
  const auto exits_at = guard.exits_at();
  const time_point until = exits_at ? *exits_at - flush_margin : now + longest_flush;
  log.flush(std::clamp(until - now, duration::zero(), longest_flush));
}

void app::parts::destroy() noexcept {
  shared.clear();
  life.destroy();
}

}  // namespace lastcall::inline v0
