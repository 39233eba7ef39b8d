// The options of an app. settings.hpp overrides them by the environment, and validates the result.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// What SIGHUP means to an app.
enum class hangup : unsigned char {
  end,     ///< requests the shutdown; never counts as a second request
  reload,  ///< calls app_options::on_reload, and what components gave to app::also_reload
  ignore,
};

/// An environment variable that is named below overrides its option, unless `environment` is false.
struct app_options {
  duration grace =
      std::chrono::seconds(20);  ///< The time from the request for the shutdown to the exit.   LASTCALL_GRACE
  /// The last part of the grace period, for force and the last stops. Default: a tenth of the grace period, 50 ms to
  /// 2 s.   LASTCALL_RESERVE
  std::optional<duration> reserve{};
  /// How long to continue serving after the announcement, so that load balancers notice it.   LASTCALL_READINESS_DELAY
  duration readiness_delay = duration::zero();
  /// The longest time that starting all components may take; then the app ends as after a start that failed, and names
  /// who has not started. Empty: no limit. In real time only.   LASTCALL_START_TIMEOUT
  std::optional<duration> start_timeout{};
  /// The time after which the platform kills the process (terminationGracePeriodSeconds, TimeoutStopSec, docker stop
  /// --time). The grace period must be shorter.   LASTCALL_KILL_AFTER
  std::optional<duration> kill_after{};
  /// Under systemd: while the drain finishes something, ask for more time before TimeoutStopSec= is over, so that the
  /// grace period may be longer than that. `kill_after` must say what TimeoutStopSec= says; it is then how long nothing
  /// may be finished. A drain that finishes nothing is forced a reserve before it is killed. docs/guide/systemd.md.
  bool extend_stop = false;
  /// The signals that request a shutdown, caught while the app lives. SIGXCPU does too, and SIGPIPE does nothing,
  /// unless the program has handlers for them already. Empty: no signal is caught.
  std::vector<int> signals = {SIGINT, SIGTERM};
  /// What SIGHUP is. Empty: `reload` if there is an `on_reload`, otherwise `end`, unless the program has a handler for
  /// it already or `signals` is empty. If it was ignored when the process started (nohup), it stays ignored.
  std::optional<hangup> sighup{};
  /// Called in run() at each SIGHUP that reloads, on a thread of the app. Signals during a call cause one more call
  /// after it. Its exceptions are logged.
  std::function<void()> on_reload{};
  /// SIGQUIT in run() writes the state to standard error: components, work in progress, and the stack of each
  /// registered thread. It ends nothing. No effect if `signals` is empty or contains SIGQUIT.
  bool state_on_quit = true;
  /// Wait the readiness delay also after a signal from a terminal (Ctrl-C), where usually no load balancer is involved.
  bool readiness_delay_from_terminal = false;
  /// The file to which run() writes the report as JSON. Empty: none.   LASTCALL_REPORT
  std::string report_file{};
  log_level log = log_level::info;       ///< LASTCALL_LOG: debug, info, warning, error, none
  log_format format = log_format::text;  ///< Of lines on standard error.   LASTCALL_LOG_FORMAT: text, json
  log_sink sink{};                       ///< Empty: lines to standard error.
  /// Under systemd (NOTIFY_SOCKET is set), tell it what happens: ready, reloading, stopping, signs of life, a status.
  /// Needs `environment`. Programs that call sd_notify(3) themselves say false.
  bool tell_service_manager = true;
  bool environment = true;
  const clock* time = nullptr;  ///< Null: steady(). Outlives the app.
};

}  // namespace lastcall::inline v0
