// What can be chosen about an app. Not checked here: settings.hpp lays the environment over it and validates the whole.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// Where an environment variable is named, it beats the code, unless `environment` is false.
struct app_options {
  /// From the request for the shutdown to the exit.   LASTCALL_GRACE
  duration grace = std::chrono::seconds(20);
  /// The last part of the grace period, kept for force and the stops that must run. Default: the smaller of 2 s and a
  /// tenth of the grace.   LASTCALL_RESERVE
  std::optional<duration> reserve{};
  /// How long to serve on after the announcement, so that load balancers notice.   LASTCALL_READINESS_DELAY
  duration readiness_delay = duration::zero();
  /// After how long the platform kills (terminationGracePeriodSeconds, TimeoutStopSec, docker stop --time); the grace
  /// period must be shorter.   LASTCALL_KILL_AFTER
  std::optional<duration> kill_after{};
  /// Caught for the lifetime of the app. Empty: none.
  std::vector<int> signals = {SIGINT, SIGTERM};
  /// Called in run() at each SIGHUP, on a thread of the app's, one call at a time; signals meanwhile are one more call.
  /// What it throws is logged. Empty: SIGHUP is left alone. A SIGHUP that the process was started to ignore (nohup)
  /// stays ignored.
  std::function<void()> on_reload{};
  /// SIGQUIT in run() writes to standard error how everything stands: components, work in progress, and where each
  /// registered thread is. Nothing ends. Not if `signals` is empty or has SIGQUIT.
  bool state_on_quit = true;
  /// Also a request from a terminal (Ctrl-C) waits the readiness delay: no load balancer sent it.
  bool readiness_delay_from_terminal = false;
  /// Where run() leaves the report as JSON. Empty: nowhere.   LASTCALL_REPORT
  std::string report_file{};
  /// LASTCALL_LOG: debug, info, warning, error, none
  log_level log = log_level::info;
  /// Empty: lines to stderr.
  log_sink sink{};
  bool environment = true;
  /// Null: the real one. Outlives the app.
  const clock* time = nullptr;
};

}  // namespace lastcall::inline v0
