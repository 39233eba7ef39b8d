#include "lastcall/core/app/settings.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/lifecycle/shutdown_budget.hpp"

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

std::optional<duration> lookup_duration(const environment& env, const char* name) {
  return lookup<duration>(env, name, parse_duration, "not a duration; write it as 250ms, 20s or 2m");
}

/// A value as refusals name it.
std::string named(const char* what, duration value, const char* variable) {
  return std::string(what) + " " + to_text(value) + " (" + variable + ")";
}

void validate(const settings& s) {
  const std::string grace = named("grace", s.grace, "LASTCALL_GRACE");
  const std::string reserve = named("reserve", s.reserve, "LASTCALL_RESERVE");
  const std::string delay = named("readiness delay", s.readiness_delay, "LASTCALL_READINESS_DELAY");
  if (s.start_timeout && (*s.start_timeout <= 0s || *s.start_timeout > deadline::longest))
    refuse(named("start timeout", *s.start_timeout, "LASTCALL_START_TIMEOUT") + " must be above 0s and at most 24h");
  if (s.grace <= 0s || s.grace > deadline::longest) refuse(grace + " must be above 0s and at most 24h");
  if (s.reserve < 0s) refuse(reserve + " must not be negative");
  if (s.readiness_delay < 0s) refuse(delay + " must not be negative");
  // Each is compared with the grace first: the sum of two durations near the largest would overflow.
  if (s.readiness_delay >= s.grace || s.reserve >= s.grace || s.readiness_delay + s.reserve >= s.grace) {
    refuse(delay + " + " + reserve + " leave nothing of " + grace +
           " to drain in; raise the grace period or shorten one of the two");
  }
  if (s.kill_after && *s.kill_after <= s.grace) {
    refuse(grace + " does not end before the platform kills after " + to_text(*s.kill_after) +
           " (LASTCALL_KILL_AFTER); shorten the grace period or raise the platform's limit");
  }
}

}  // namespace

environment process_environment() {
  return [](const char* name) -> const char* { return std::getenv(name); };
}

settings resolve(const app_options& options, const environment& env) {
  settings s{.grace = lookup_duration(env, "LASTCALL_GRACE").value_or(options.grace),
             .reserve = 0s,
             .readiness_delay = lookup_duration(env, "LASTCALL_READINESS_DELAY").value_or(options.readiness_delay),
             .start_timeout = options.start_timeout,
             .kill_after = options.kill_after,
             .report_file = std::string(lookup(env, "LASTCALL_REPORT").value_or(options.report_file)),
             .log = lookup<log_level>(env, "LASTCALL_LOG", parse_log_level,
                                      "no level; use debug, info, warning, error or none")
                        .value_or(options.log),
             .format = lookup<log_format>(env, "LASTCALL_LOG_FORMAT", parse_log_format, "no format; use text or json")
                           .value_or(options.format),
             .delay_from_terminal = options.readiness_delay_from_terminal};
  if (const auto limit = lookup_duration(env, "LASTCALL_KILL_AFTER")) s.kill_after = limit;
  if (const auto limit = lookup_duration(env, "LASTCALL_START_TIMEOUT")) s.start_timeout = limit;
  const std::optional<duration> reserve = lookup_duration(env, "LASTCALL_RESERVE");
  s.reserve = reserve ? *reserve : options.reserve.value_or(usual_reserve(s.grace));
  validate(s);
  return s;
}

}  // namespace lastcall::inline v0
