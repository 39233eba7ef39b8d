// The settings of an app: its options, overridden by environment variables, and validated. Reads no files.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "lastcall/core/app/app_options.hpp"

namespace lastcall::inline v0 {

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
};

/// The value of an environment variable; null: not set.
using environment = std::function<const char*(const char* name)>;

/// The environment of this process.
environment process_environment();

/// An empty variable counts as not set.
/// Errors: std::invalid_argument names the value, where it came from, the arithmetic and the remedy.
settings resolve(const app_options& options, const environment& env);

}  // namespace lastcall::inline v0
