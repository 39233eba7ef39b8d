#include "lastcall/core/app/settings.hpp"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/shutdown_budget.hpp"
#include "lastcall/core/manager/stop_extension.hpp"

namespace lastcall::inline v0 {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void refuse(const std::string& text) { throw std::invalid_argument("app: " + text); }

std::optional<std::string_view> lookup(const environment& env, const char* name) {
  const char* found = env ? env(name) : nullptr;
  if (found == nullptr || *found == '\0') return std::nullopt;
  return found;
}

template <class T, class Parse>
std::optional<T> lookup(const environment& env, const char* name, const Parse& parse, const char* why_not) {
  const auto text = lookup(env, name);
  if (!text) return std::nullopt;
  const auto parsed = parse(*text);
  if (!parsed) refuse(std::string(name) + "=\"" + std::string(*text) + "\" is " + why_not);
  return *parsed;
}

/// Sets `value` and where it came from, if the variable is set.
template <class D>  // a duration, or an optional one
void override(D& value, const char*& source, const environment& env, const char* name) {
  const auto found = lookup<duration>(env, name, parse_duration, "not a duration; write it as 250ms, 20s or 2m");
  if (!found) return;
  value = *found;
  source = name;
}

// WATCHDOG_PID names whose signs of life are wanted: another process may have inherited the variables.
detail::service_manager::settings service_manager_of(const environment& env) {
  detail::service_manager::settings m{.socket = std::string(lookup(env, "NOTIFY_SOCKET").value_or(""))};
  const auto whose = lookup(env, "WATCHDOG_PID");
  if (!whose || *whose == std::to_string(::getpid())) m.watchdog_usec = lookup(env, "WATCHDOG_USEC").value_or("");
  return m;
}

void validate(const settings& s) {
  const std::string grace = named("grace", s.grace, s.from.grace);
  const std::string reserve = named("reserve", s.reserve, s.from.reserve);
  const std::string delay = named("readiness delay", s.readiness_delay, s.from.readiness_delay);
  if (s.start_timeout && (*s.start_timeout <= 0s || *s.start_timeout > deadline::longest))
    refuse(named("start timeout", *s.start_timeout, s.from.start_timeout) + " must be above 0s and at most 24h");
  if (s.grace <= 0s || s.grace > deadline::longest) refuse(grace + " must be above 0s and at most 24h");
  if (s.reserve < 0s) refuse(reserve + " must not be negative");
  if (s.readiness_delay < 0s) refuse(delay + " must not be negative");
  // Each is compared with the grace first: the sum of two durations near the largest would overflow.
  if (s.readiness_delay >= s.grace || s.reserve >= s.grace || s.readiness_delay + s.reserve >= s.grace) {
    refuse(delay + " + " + reserve + " leave nothing of " + grace +
           " to drain in; raise the grace period or shorten one of the two");
  }
  if (s.extend_stop && !s.kill_after)
    refuse(
        "extend_stop needs to know after what time systemd kills; set LASTCALL_KILL_AFTER= in the unit to what "
        "TimeoutStopSec= says");
  if (s.extend_stop && *s.kill_after / 2 <= s.reserve + detail::stop_extension::margin)
    refuse("extend_stop: half of " + named("kill after", *s.kill_after, s.from.kill_after) + " must be longer than " +
           reserve + " and 250ms; raise the platform's limit or shorten the reserve");
  if (s.kill_after && *s.kill_after <= s.grace && !s.extend_stop) {
    refuse(grace + " does not end before the platform kills: " + named("after", *s.kill_after, s.from.kill_after) +
           "; shorten the grace period or raise the platform's limit");
  }
}

}  // namespace

environment process_environment() {
  return [](const char* name) -> const char* { return std::getenv(name); };
}

std::string named(const char* what, duration value, const char* source) {
  return std::string(what) + " " + to_text(value) + " (" + source + ")";
}

settings resolve(const app_options& options, const environment& env) {
  settings s{.grace = options.grace,
             .reserve = 0s,
             .readiness_delay = options.readiness_delay,
             .start_timeout = options.start_timeout,
             .kill_after = options.kill_after,
             .report_file = std::string(lookup(env, "LASTCALL_REPORT").value_or(options.report_file)),
             .log = lookup<log_level>(env, "LASTCALL_LOG", parse_log_level,
                                      "no level; use debug, info, warning, error or none")
                        .value_or(options.log),
             .format = lookup<log_format>(env, "LASTCALL_LOG_FORMAT", parse_log_format, "no format; use text or json")
                           .value_or(options.format),
             .delay_from_terminal = options.readiness_delay_from_terminal,
             .in_a_pod = lookup(env, "KUBERNETES_SERVICE_HOST").has_value()};
  if (options.tell_service_manager) s.manager = service_manager_of(env);
  s.extend_stop = options.extend_stop && !s.manager.socket.empty();
  override(s.grace, s.from.grace, env, "LASTCALL_GRACE");
  s.reserve = options.reserve.value_or(usual_reserve(s.grace));
  override(s.reserve, s.from.reserve, env, "LASTCALL_RESERVE");
  override(s.readiness_delay, s.from.readiness_delay, env, "LASTCALL_READINESS_DELAY");
  override(s.start_timeout, s.from.start_timeout, env, "LASTCALL_START_TIMEOUT");
  override(s.kill_after, s.from.kill_after, env, "LASTCALL_KILL_AFTER");
  validate(s);
  return s;
}

}  // namespace lastcall::inline v0
