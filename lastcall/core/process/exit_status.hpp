// How a program that we started has ended.
#pragma once

#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Ended by `_exit(code)`, or by a signal (then `code` is -1). Neither: somebody else has collected it (waitpid(-1), or
/// SIGCHLD is ignored), so nobody can say.
struct exit_status {
  int code = -1;
  int signal = 0;

  bool operator==(const exit_status&) const = default;
};

/// "exit 0", "signal 9 (Killed)", "unknown".
std::string to_text(const exit_status&);

}  // namespace lastcall::inline v0
