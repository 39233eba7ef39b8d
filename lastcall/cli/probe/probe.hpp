// `lastcall probe`: runs or finds a server, measures its shutdown with the exact client, prints the outcome.
#pragma once

#include <string>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::cli {

/// Takes what follows the word `probe` and returns the exit code: 0 nothing lost, 1 lost, 2 usage, 5 could not measure.
/// Writes to stdout and stderr.   Blocks: until the server is gone or the timeout has passed.
int probe(const std::vector<std::string>& arguments);

}  // namespace lastcall::inline v0::cli
