// Parses and checks the command line of `lastcall probe`.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/testing/exact_client.hpp"

namespace lastcall::inline v0::cli {

struct probe_command_line {
  testing::probe_options run;
  std::vector<std::string> command;  // the server to start; or
  pid_t pid = 0;                     // a server that runs already
  std::string address;               // empty: from the first line of its stdout with `listening on http://…`
  int signal = 15;
  duration start_timeout = std::chrono::seconds(10);
  std::string json, server_stderr;
  bool allow_5xx = false;
  std::optional<std::string> help;  // the text, if --help was given; nothing else is set then
};

/// Errors: std::invalid_argument that names the option or value and the remedy.
probe_command_line read_probe_command_line(const std::vector<std::string>& arguments);

/// "TERM", "SIGTERM", "term" and "15" are all 15.   Errors: std::invalid_argument.
int parse_signal(const std::string& text);

}  // namespace lastcall::inline v0::cli
