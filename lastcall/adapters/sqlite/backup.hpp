// A copy of a database that is in use: whole, and of one moment.
#pragma once

#include <cstdint>
#include <string>

#include "lastcall/adapters/sqlite/connection.hpp"

namespace lastcall::inline v0::sqlite {

/// Copies what `from` sees now to the file `to`; others write meanwhile, so `from` should be a reader. The file gets
/// its name when it is whole and on the disk; until then it is `to` + ".partial". An older file is replaced, unless
/// somebody uses it (`to` + "-wal" is there). `from` has no transaction open. Returns the bytes. Blocks: until it is
/// done, the context is forced, or its time is up; then nothing is left of it. Source: sqlite.org/backup.html.
result<std::uint64_t, error> backup(const context& with, connection& from, const std::string& to);

}  // namespace lastcall::inline v0::sqlite
