// Uploads that become files: whole, or not there at all, whatever happens in between.
#pragma once

#include <cstdint>
#include <string>

#include "lastcall/http/serving/streaming.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http {

/// Reads all of `in` and puts it where `path` says, in place of any file there; returns its size. Until the last byte
/// has come and is on disk, nothing is at `path` that was not there before, and what was written is gone when the
/// client, the connection or the process goes. The writing is done on the blocking pool.
/// Errors: stream_error as body_stream::read, and with 503 when the pool is full; std::system_error, also for a NUL in
/// the path.
task<std::uint64_t> save(body_stream& in, const std::string& path);
/// The same in a blocking handler, on its own thread.
std::uint64_t save_blocking(body_stream& in, const std::string& path);

}  // namespace lastcall::inline v0::http
