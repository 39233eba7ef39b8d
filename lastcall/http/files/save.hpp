// Uploads that become files: complete, or not there at all.
#pragma once

#include <cstdint>
#include <string>

#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http {

/// Reads all of `in` into the file at `path`, and returns its size. The file appears, or replaces the former one, in
/// one step when all bytes are on disk. If the client, the connection or the process ends before, nothing is left of
/// it. Writes on the blocking pool. Errors: body_error as body_stream::read, and with 503 when the pool is full;
/// std::system_error, also for a NUL in the path.
task<std::uint64_t> save(body_stream& in, const std::string& path);
/// The same in a blocking handler, on its own thread.
std::uint64_t save_blocking(body_stream& in, const std::string& path);

}  // namespace lastcall::inline v0::http
