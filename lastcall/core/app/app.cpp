#include "lastcall/core/app/app.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <stdexcept>

#include "lastcall/core/app/app_parts.hpp"
#include "lastcall/core/app/shutdown_cause.hpp"
#include "lastcall/core/exit/exit_watch.hpp"

namespace lastcall::inline v0 {
namespace {

// A program may be started without them. What is opened next would take their numbers, and be written to as a log.
void open_missing_standard_descriptors() noexcept {
  for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(each, F_GETFD) != -1) continue;
    const int opened = open("/dev/null", O_RDWR);
    if (opened > STDERR_FILENO) close(opened);
  }
}

/// While it lives a thread is in the driver of the app.
struct driving_now {
  explicit driving_now(std::atomic<bool>& of) : flag(of) { flag = true; }
  ~driving_now() { flag = false; }
  driving_now(const driving_now&) = delete;
  driving_now& operator=(const driving_now&) = delete;
  std::atomic<bool>& flag;
};

}  // namespace

app::app(app_options options) {
  open_missing_standard_descriptors();
  parts_ = new parts(std::move(options));
}

// The end is driven here, on the thread that destroys the app, when shutdown() was not called or run() was left by an
// exception.
app::~app() {
  parts& p = *parts_;
  if (p.driving) return;  // exit(3) amid run(): the driver, and threads of components, still use all of it
  const std::unique_ptr<parts> owned(parts_);
  if (p.driver == app_driver::run && p.final_report && p.final_report->cause.kind == cause_kind::signal)
    p.signal_routes.ignore_signals_until_exit();
  if (p.driver != app_driver::none && !p.final_report) {
    p.requests->request_as_driver(stamped({.kind = cause_kind::request, .text = "the app is destroyed"}, p.time));
    p.requests->force();
    p.end({.grace = p.config.reserve, .reserve = p.config.reserve}, p.time.now());
  }
  p.destroy();
}

void app::also_reload(std::function<void()> f) {
  if (parts_->driver != app_driver::none) throw std::logic_error("app: also_reload() comes before run() or start()");
  parts_->reloads.add(std::move(f));
}

void app::ready_unless(std::function<std::string()> why) {
  if (parts_->driver != app_driver::none) throw std::logic_error("app: ready_unless() comes before run() or start()");
  parts_->unready.push_back(std::move(why));
}

void app::alive_unless(std::function<std::string()> why) {
  if (parts_->driver != app_driver::none) throw std::logic_error("app: alive_unless() comes before run() or start()");
  parts_->not_alive.push_back(std::move(why));
}

std::error_code app::keep_descriptor(std::string_view name, int fd) {
  if (fd < 0) return std::make_error_code(std::errc::bad_file_descriptor);
  return parts_->manager->keep(name, fd);
}

std::error_code app::forget_descriptor(std::string_view name) { return parts_->manager->keep(name, -1); }

int app::run() {
  parts& p = *parts_;
  if (p.driver != app_driver::none) throw std::logic_error("app: run() comes once, and not after start()");
  p.check_process();
  const driving_now here(p.driving);
  p.life.arrange();
  p.guard.enable(p.life.current_position(), p.life.names(), p.config.report_file);
  p.start(app_driver::run);
  serve_and_end();
  p.publish_report();
  p.guard.exit_if_hung(*p.final_report, p.life.verbs_under_way(), p.reloads.under_way());
  p.destroy();
  if (const auto exits_at = p.guard.exits_at()) watch_exit(*exits_at);
  return p.final_report->exit_code;
}

void app::serve_and_end() {
  parts& p = *parts_;
  time_point slept_from = p.time.now();
  for (; p.requests->first() == nullptr; p.requests->driver_wakeup().wait(p.time, p.next_wake())) {
    p.serve();
    slept_from = p.time.now();
  }
  const time_point asked = p.requests->first()->at;
  p.end(p.whole_budget(), asked - p.readiness_served(asked), std::max(asked, slept_from));
}

void app::start() {
  parts& p = *parts_;
  if (p.driver != app_driver::none) throw std::logic_error("app: start() comes once, and not with run()");
  p.check_process();
  const driving_now here(p.driving);
  const auto result = p.start(app_driver::program);
  if (result == lifecycle::start_result::started) return;
  p.end(p.whole_budget(), p.requests->first()->at);
  if (result == lifecycle::start_result::failed) std::rethrow_exception(p.life.failure());
  throw std::runtime_error("app: the start was ended: " + describe_cause(*p.requests->first()));
}

const report& app::shutdown(deadline by) {
  parts& p = *parts_;
  if (p.final_report) return *p.final_report;
  if (p.driver == app_driver::none) throw std::logic_error("app: shutdown() without start()");
  const driving_now here(p.driving);
  const time_point now = p.time.now();
  p.requests->request_as_driver(stamped({.kind = cause_kind::request}, p.time));
  shutdown_budget budget = p.whole_budget().within(by.remaining(now));
  budget.readiness_delay = std::max(budget.readiness_delay - p.readiness_served(now), duration::zero());
  p.end(budget, now);
  return *p.final_report;
}

void app::request_shutdown(std::string cause) noexcept {
  parts_->requests->request(stamped({.kind = cause_kind::request, .text = std::move(cause)}, parts_->time));
}

// The lock is held for the push only. The report takes the failures under it, in app::parts::take_failures.
void app::fail(std::string_view component, std::string cause) noexcept {
  cause.insert(0, "component \"" + std::string(component) + "\" failed: ");
  parts_->log.error("app", cause);
  {
    const std::lock_guard lock(parts_->failures_mutex);
    parts_->failures.push_back(cause);
  }
  parts_->requests->request(stamped({.kind = cause_kind::failed_component, .text = std::move(cause)}, parts_->time));
}

void app::request_shutdown(const signal_record& by) noexcept {
  parts_->requests->request(stamped({.kind = cause_kind::signal, .signal = by}, parts_->time));
}

void app::request_force() noexcept { parts_->requests->force(); }

bool app::asked_to_end() const noexcept { return parts_->requests->first() != nullptr; }

void app::announce() noexcept { parts_->requests->announce(parts_->time.now()); }

lastcall::logger& app::log() noexcept { return parts_->log; }

duration app::reserve() const noexcept { return parts_->reserve; }
const clock& app::time() const noexcept { return parts_->time; }

}  // namespace lastcall::inline v0
