// How the driver of an app starts, serves and ends it, and what it adds to the lifecycle's part of the report.
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/core/app/app_parts.hpp"
#include "lastcall/core/app/budget_check.hpp"
#include "lastcall/core/app/shutdown_cause.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/exception_text.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/lifecycle/shutdown_run.hpp"
#include "lastcall/core/report/kernel_counters.hpp"

namespace lastcall::inline v0 {

// Options are read before signals are caught: a wrong value must not change any signal handler.
app::parts::parts(app_options options)
    : made_in(getpid()),
      config(resolve(options, options.environment ? process_environment() : environment())),
      time(options.time != nullptr ? *options.time : steady()),
      log(config.log, std::move(options.sink)),
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
  life.arrange();
  check_budget(config, life, log);
  log.info("app", "starting", {{"components", std::to_string(life.names().size())}});
  const auto result = life.start([this] { dump.write_if_requested(life); });
  if (result == lifecycle::start_result::started) log.info("app", "ready");
  if (result == lifecycle::start_result::failed) {
    const std::string why = to_text(life.failure());
    log.error("app", why);
    requests->request_as_driver(stamped({.trigger = trigger::failed_start, .why = why}, time));
  }
  return result;
}

void app::parts::serve() {
  life.maintain_verbs();
  dump.write_if_requested(life);
  reloads.begin_if_requested(life);
  if (!requests->announced() || life.announced()) return;
  log.info("app", "announced: not ready any more, serving on", {{"delay", to_text(config.readiness_delay)}});
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
void app::parts::end(shutdown_budget budget, time_point from) {
  const shutdown_request& by = *requests->first();
  guard.arm(from + budget.grace, signal_routes.thread());
  counted_before_ = read_kernel_counters();
  log.info("app", "shutting down: " + describe_cause(by), {{"grace", to_text(budget.grace)}});
  budget.announce = life.started() && !life.announced();
  const bool no_balancer = from_terminal(by) && !config.delay_from_terminal;
  if (!life.started() || no_balancer) budget.readiness_delay = duration::zero();
  shutdown_run run{.life = life, .requests = *requests, .time = time};
  run.deadline_nearer = [this](time_point deadline) { guard.arm(deadline, signal_routes.thread()); };
  run.also_waits_for = [this] { return reloads.under_way(); };
  run.meanwhile = [this] {
    dump.write_if_requested(life);
    if (forced_by_.empty() && !(forced_by_ = signal_routes.forced_by()).empty()) log.warning("app", forced_by_);
  };
  make_report(budget, run.drive(budget, from));
}

void app::parts::make_report(shutdown_budget budget, duration reload_took) {
  const shutdown_request& by = *requests->first();
  report& r = final_report.emplace();
  r.trigger = by.trigger;
  r.why = by.why;
  if (by.trigger == trigger::signal) {
    r.signal = signal_name(by.signal.number);
    r.sender = describe_sender(by.signal);
  }
  r.began = by.wall;
  r.grace_ms = to_ms(budget.grace);
  r.reserve_ms = to_ms(budget.reserve);
  r.readiness_delay_ms = to_ms(budget.readiness_delay);
  life.fill(r);
  r.stop_ms += to_ms(reload_took);
  r.total_ms += to_ms(reload_took);
  if (const auto counted = read_kernel_counters(); counted && counted_before_) r.kernel = *counted - *counted_before_;
  if (reloads.under_way()) {
    r.errors.emplace_back("on_reload has not returned");
    r.outcome = outcome::hung;
  }
  if (!forced_by_.empty()) r.errors.push_back(std::move(forced_by_));
  bool failed = by.trigger == trigger::failed_component;
  for (const component_report& c : r.components) failed = failed || c.failed;
  if (take_failures()) failed = true;
  r.outcome = final_outcome(r.outcome, {.of_start = by.trigger == trigger::failed_start, .of_component = failed});
  r.exit_code = exit_code_of(r.outcome);
}

// True if a component failed while it ran. The failure that set the shutdown off is in the report's `why` already.
bool app::parts::take_failures() {
  const std::lock_guard lock(failures_mutex);
  for (std::string& why : failures)
    if (why != final_report->why) final_report->errors.push_back(std::move(why));
  return !failures.empty();
}

void app::parts::destroy() noexcept {
  shared.clear();
  life.destroy();
}

}  // namespace lastcall::inline v0
