// Starts another program. It neither waits for it nor reads from it. No shell.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "lastcall/core/process/descriptor.hpp"

namespace lastcall::inline v0::detail {

struct process_start {
  const std::vector<std::string>& command;      // the first is searched in PATH
  const std::vector<std::string>& environment;  // "NAME=value", added to ours; a later one wins
  std::string folder = {};                      // it runs in this one; empty: in ours
  int input = 0;                                // these become its descriptors 0, 1 and 2
  int output = 1;
  int errors = 2;
  bool own_group = true;    // a Ctrl-C at our terminal does not reach it
  bool closes_rest = true;  // it gets no other descriptor of ours
};

struct started_process {
  pid_t pid = -1;
  descriptor exit;  ///< a pidfd: readable when it has gone; empty: it has, and somebody else has collected it
};

/// Its signal mask is empty. Signals that we ignore stay ignored, except SIGPIPE; all others have their default action.
/// The kernel kills it when the *thread* that called this ends (PR_SET_PDEATHSIG), so that thread must stay until the
/// process has gone; its own children are not killed then. One that is setuid or changes its user is not killed either.
/// `whose` begins the text of errors.
/// Errors: std::system_error that names the program; std::invalid_argument for an empty command; as check_environment.
/// Blocks: until it has become its program.
started_process start_process(const process_start& of, const std::string& whose);

/// Of each entry: a name, '=', a value.   Errors: std::invalid_argument that says which is not so. It does not show the
/// entry, which may be a secret.
void check_environment(const std::vector<std::string>& environment, const std::string& whose);

/// Both ends are closed by exec: the one to read from, the one to write to.   Errors: std::system_error.
std::array<descriptor, 2> make_pipe(const std::string& whose);
/// Errors: std::system_error that names the path.
descriptor open_file(const char* path, int flags, const std::string& whose);

/// False: it has been collected. Never signals another process that has got the same pid.
bool signal_process(const descriptor& exit, int number) noexcept;

}  // namespace lastcall::inline v0::detail
