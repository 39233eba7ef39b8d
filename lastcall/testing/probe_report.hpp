// The output of a probe run: a table for people, JSON for machines, an exit code for scripts. Pure.
#pragma once

#include <optional>
#include <string>

#include "lastcall/testing/exact_client.hpp"
#include "lastcall/testing/internal/child_process.hpp"

namespace lastcall::inline v0::testing {

/// A result, and how it was obtained.
struct probe_report {
  probe_result result = {};
  std::string server = {};  // the address
  int signal = 0;
  unsigned signals = 1;
  std::uint64_t seed = 0;
  std::optional<exit_status> server_exit = {};  // empty: not known, since the process is not our child
  bool allow_5xx = false;
};

/// One of probe_codes.
int exit_code(const probe_report&);

/// One sentence for the exit code.
std::string verdict_line(const probe_report&);

/// A row per load, then the times.
std::string to_table(const probe_report&);

/// "schema": 1; documented in docs/probe.md; fields are only added.
std::string to_json(const probe_report&);

}  // namespace lastcall::inline v0::testing
