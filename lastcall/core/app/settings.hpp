// The settings of an app: its options, overridden by environment variables, and validated. Reads no files.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "lastcall/core/app/app_options.hpp"
#include "lastcall/core/manager/service_manager.hpp"

namespace lastcall::inline v0 {

/// Where each value came from, as messages name it: the option in the code, or the environment variable.
struct setting_sources {
  const char* grace = "app_options::grace";
  const char* reserve = "app_options::reserve";
  const char* readiness_delay = "app_options::readiness_delay";
  const char* start_timeout = "app_options::start_timeout";
  const char* kill_after = "app_options::kill_after";
};

struct settings {
  duration grace;
  duration reserve;
  duration readiness_delay;
  std::optional<duration> start_timeout;
  std::optional<duration> kill_after;
  std::string report_file;
  log_level log;
  log_format format;
  bool delay_from_terminal;
  detail::service_manager::settings manager{};
  bool extend_stop = false;  ///< there is a service manager that can be asked
  bool in_a_pod = false;     ///< of Kubernetes, whose containers share a network namespace without seeing each other
  setting_sources from{};
};

/// "grace 20s (LASTCALL_GRACE)".
std::string named(const char* what, duration value, const char* source);

/// The value of an environment variable; null: not set.
using environment = std::function<const char*(const char* name)>;

/// The environment of this process.
environment process_environment();

/// An empty variable counts as not set.
/// Errors: std::invalid_argument names the value, where it came from, the arithmetic and the remedy.
settings resolve(const app_options& options, const environment& env);

}  // namespace lastcall::inline v0
