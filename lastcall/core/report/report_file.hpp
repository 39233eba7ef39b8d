// Writes a small text file, completely or not at all, with system calls only. Not for large or valuable data: it does
// not sync.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// The name, in the same directory, of the file that is written before it is renamed to `path`.
std::string temporary_name(const std::string& path);

/// Writes `temporary`, then renames it to `path`. If `path` can't be replaced, writes to it directly: a device, a pipe,
/// a link, a mounted file such as /dev/termination-log, a file in a directory without write permission. Appends if it
/// is the file of standard output or error. Does not lock or allocate.   Blocks: on a pipe while it is read, at most 50
/// ms without progress.   Errors: an empty code means that all was written.
std::error_code write_whole(const char* path, const char* temporary, std::string_view text) noexcept;

}  // namespace lastcall::inline v0
