// What an app consists of, and how its driver starts, serves and ends it. For the sources of app only.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/app/exit_guard.hpp"
#include "lastcall/core/app/reload.hpp"
#include "lastcall/core/app/settings.hpp"
#include "lastcall/core/app/signal_routing.hpp"
#include "lastcall/core/app/state_dump.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/manager/stop_extension.hpp"
#include "lastcall/core/reserved_addresses.hpp"
#include "lastcall/core/reserved_descriptor.hpp"

namespace lastcall::inline v0 {

/// Threads: the driver, which is in run(), start() or shutdown(), except where a member says otherwise.
struct app::parts {
  struct shared_component {
    const void* type;
    void* at;
    component_ref ref;
  };

  explicit parts(app_options options);

  /// Errors: std::logic_error in another process than the app was made in.
  void check_process() const;
  lifecycle::start_result start(app_driver by);
  /// At each wake-up while run() serves.
  void serve();
  /// Drives the shutdown until it is finished, then makes the report. `from` is when the budget begins to count,
  /// `awake_at` when the process was known to run last.
  void end(shutdown_budget budget, time_point from, time_point awake_at = time_point::max());
  /// Writes the report to its file and to the log, at the end of run(). No file: to the log only.
  void publish_report();
  void try_publish_report();
  /// Signals are still caught and the guard is armed, since destructors may hang too.
  void destroy() noexcept;

  shutdown_budget whole_budget() const;
  /// How much of the readiness delay had passed since an announcement when the end was requested.
  duration readiness_served(time_point requested_at) const noexcept;

  /// What ready_unless() was given says: "postgres: no connection for 12s, ...".   Threads: any, once it has started.
  std::string unready_reasons() const;

  /// What alive_unless() was given says.   Threads: the driver.
  std::string not_alive_reasons() const;
  /// While run() serves: begins a reload that was requested; the service manager hears of its beginning and end.
  void reload_if_requested();
  /// Signs of life and the status, when they are due.
  void tell_manager();
  std::optional<time_point> next_wake() const noexcept;
  /// While it ends: asks the service manager for more time, or forces when there is none.
  void extend_stop();

  void make_report(shutdown_budget budget, duration reload_took);
  bool take_failures();

  const pid_t made_in;
  const settings config;
  std::atomic<duration> reserve{config.reserve};  // of the shutdown, once it has begun
  const clock& time;
  logger log;
  const std::shared_ptr<shutdown_requests> requests = std::make_shared<shutdown_requests>();
  lifecycle life{time, log, requests};
  std::vector<needs> constructions;  // needs of those under construction, the innermost last
  std::vector<shared_component> shared;
  std::atomic<app_driver> driver{app_driver::none};
  std::atomic<bool> driving{false};  // a thread is in run(), start() or shutdown()
  std::optional<report> final_report;

  std::mutex failures_mutex;
  std::vector<std::string> failures;  // of components that ran; from any thread

  exit_guard guard;  // before the hooks, so that it outlives them: what they hold may hang when it is destroyed
  reload reloads;
  std::vector<std::function<std::string()>> unready;    // does not change after the start
  std::vector<std::function<std::string()>> not_alive;  // neither
  state_dump dump;
  /// Shared with the thread that makes its status, which may hang.
  const std::shared_ptr<detail::service_manager> manager =
      std::make_shared<detail::service_manager>(config.manager, log);
  std::optional<detail::stop_extension> extension;  // of a shutdown that may ask for more time
  /// What was finished, and whether somebody counts it; shared with the thread that counts.
  struct progress {
    std::atomic<std::uint64_t> finished{0};
    std::atomic<bool> counting{false};
  };
  const std::shared_ptr<progress> made_progress = std::make_shared<progress>();
  bool reloading = false;  // the service manager was told so

  detail::reserved_addresses for_the_end;      // given up when it begins
  detail::reserved_descriptor for_the_report;  // given up once the last component has stopped
  std::string forced_by;
  std::optional<kernel_counters> counted_before;

  signal_routing signal_routes;  // last: its thread uses the rest
};

}  // namespace lastcall::inline v0
