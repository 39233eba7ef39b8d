// Runs another program as a part of this one: told when the context drains, killed with its group when it is forced,
// and what it says is read line by line. No shell, and nothing on its stdin.
#pragma once

#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/process/exit_status.hpp"

namespace lastcall::inline v0 {

struct child_program {
  /// The program, searched in PATH, and its arguments. It must stay in the foreground: one that forks away (a daemon in
  /// a session of its own) is not seen and not ended. A shell must `exec` the last program, or that one is killed
  /// rather than told.
  std::vector<std::string> command;
  /// "NAME=value" each, added to ours; a later one wins.
  std::vector<std::string> environment = {};
  /// It runs in this folder. Empty: in ours.
  std::string folder = {};
  /// The signal that tells it to end; one that is stopped is continued. 0: it is not told, and may finish until force.
  int told_by = SIGTERM;
  /// Gets each line of its stdout and stderr, without the line's end. Empty: they are lines of the log.
  /// Threads: the one that runs the child.   Blocks: should not, since the child waits when its pipe is full.
  function<void(std::string_view line, bool of_stderr)> line = {};
  /// In bytes; the rest of a longer line is dropped.
  std::size_t longest_line = 4096;
  /// At most so many lines are logged in a second; others are dropped and counted. Not for lines that `line` gets.
  std::size_t lines_per_second = 100;
  /// The name in logs and errors. Empty: the name of the program.
  std::string name = {};
};

/// Starts it and waits until it has ended; what it has left of its process group is killed then. It gets /dev/null as
/// stdin, no other descriptor of ours, no signal mask, and SIGPIPE's default action. The kernel kills it when we are
/// killed (PR_SET_PDEATHSIG); not what it has started itself, and not a program that is setuid or changes its user.
/// Only its own process is collected: system() and popen() keep theirs.
/// For one request, or one item of a work_queue: `run_child({.command = {"convert", "in.png"}}, ctx)`.
/// Blocks: until the program has ended, so the context must end: it drains with a component, or has a deadline
/// (`within`). Errors: std::system_error that names the program; std::invalid_argument names the option.
exit_status run_child(const child_program& program, const context& with, const logger& log = {});

}  // namespace lastcall::inline v0
