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

std::optional<duration> lookup_duration(const environment& env, const char* name) {
  const auto text = lookup(env, name);
  if (!text) return std::nullopt;
  const result<duration> parsed = parse_duration(*text);
  if (!parsed) {
    refuse(std::string(name) + "=\"" + std::string(*text) + "\" is not a duration; write it as 250ms, 20s or 2m");
  }
  return *parsed;
}

log_level lookup_level(const environment& env, log_level otherwise) {
  const auto text = lookup(env, "LASTCALL_LOG");
  if (!text) return otherwise;
  const std::optional<log_level> level = parse_log_level(*text);
  if (!level) {
    refuse("LASTCALL_LOG=\"" + std::string(*text) + "\" is no level; use debug, info, warning, error or none");
  }
  return *level;
}

void validate(const settings& s) {
  if (s.grace <= 0s || s.grace > deadline::longest) {
    refuse("grace " + to_text(s.grace) + " (LASTCALL_GRACE) must be above 0s and at most 24h");
  }
  if (s.reserve < 0s) refuse("reserve " + to_text(s.reserve) + " (LASTCALL_RESERVE) must not be negative");
  if (s.readiness_delay < 0s) {
    refuse("readiness delay " + to_text(s.readiness_delay) + " (LASTCALL_READINESS_DELAY) must not be negative");
  }
  // Each is compared with the grace first: the sum of two durations near the largest would overflow.
  if (s.readiness_delay >= s.grace || s.reserve >= s.grace || s.readiness_delay + s.reserve >= s.grace) {
    refuse("readiness delay " + to_text(s.readiness_delay) + " (LASTCALL_READINESS_DELAY) + reserve " +
           to_text(s.reserve) + " (LASTCALL_RESERVE) leave nothing of grace " + to_text(s.grace) +
           " (LASTCALL_GRACE) to drain in; raise the grace period or shorten one of the two");
  }
  if (s.kill_after && *s.kill_after <= s.grace) {
    refuse("grace " + to_text(s.grace) + " (LASTCALL_GRACE) does not end before the platform kills after " +
           to_text(*s.kill_after) + " (LASTCALL_KILL_AFTER); shorten the grace period or raise the platform's limit");
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
             .kill_after = options.kill_after,
             .report_file = std::string(lookup(env, "LASTCALL_REPORT").value_or(options.report_file)),
             .log = lookup_level(env, options.log),
             .delay_from_terminal = options.readiness_delay_from_terminal};
  if (const auto limit = lookup_duration(env, "LASTCALL_KILL_AFTER")) s.kill_after = limit;
  const std::optional<duration> reserve = lookup_duration(env, "LASTCALL_RESERVE");
  s.reserve = reserve ? *reserve : options.reserve.value_or(usual_reserve(s.grace));
  validate(s);
  return s;
}

}  // namespace lastcall::inline v0
