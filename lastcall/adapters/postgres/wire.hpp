// Steps of libpq that do not block, and waits on its socket that end in time. What a connection and the canceller
// share.
#pragma once

#include <libpq-fe.h>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::postgres::detail {

enum class wanted : unsigned char { nothing, read, write, failed };

/// The next step of a connection that is being opened; `nothing`: it is open.
wanted step_of_opening(PGconn* of) noexcept;
/// Sends what is to be sent and takes what has come. `nothing`: PQgetResult does not block now.
wanted step_of_query(PGconn* of) noexcept;

/// False: `by` came first.   Blocks: until then; `wake` (-1: none) ends it, too, when it is readable.
bool wait(PGconn* of, wanted what, time_point by, int wake = -1) noexcept;
/// True: it is open. Otherwise PQerrorMessage says why, unless `by` came first.
bool open(PGconn* of, time_point by, int wake = -1) noexcept;

/// Its messages end in a line end; several lines become one.
const char* message_of(const PGconn* of, char (&into)[512]) noexcept;

}  // namespace lastcall::inline v0::postgres::detail
