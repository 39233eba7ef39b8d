// Leaves a small text file whole or not at all, by system calls alone. Not for large or precious data: nothing is
// synced.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// The name beside `path` under which its next content is written first.
std::string temporary_name(const std::string& path);

/// Writes `temporary`, then renames it to `path`. What cannot be replaced (a device, a pipe, a link, a mounted file
/// such as /dev/termination-log, a file in a directory that is not ours) is written in place instead; what standard
/// output or error goes to is appended to. A pipe is waited for as long as it is read, 50 ms at most without progress.
/// Neither locks nor allocates. Errors: empty when all was written.
std::error_code write_whole(const char* path, const char* temporary, std::string_view text) noexcept;

}  // namespace lastcall::inline v0
