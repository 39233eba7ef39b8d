// A last line to standard error, for code that is about to leave the process. Not a log: see log.hpp.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Writes at most 4096 bytes if standard error takes them at once; otherwise writes nothing.
/// Does not lock, allocate or block.   Threads: any.
void try_write_stderr(std::string_view text) noexcept;

}  // namespace lastcall::inline v0
