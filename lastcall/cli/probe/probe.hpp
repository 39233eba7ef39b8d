// `lastcall probe`: starts or finds a server, measures its shutdown with the exact client, and prints the result.
#pragma once

#include <string>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::cli {

/// `arguments`: those after the word `probe`. Returns the exit code: of probe_codes, or exit_codes::usage.
/// Writes to stdout and stderr.   Blocks: until the server has gone, or the timeout has passed.
int probe(const std::vector<std::string>& arguments);

}  // namespace lastcall::inline v0::cli
