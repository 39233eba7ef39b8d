// PostgreSQL for coroutines: as postgres.hpp, without a thread that waits. Leases come from net::acquire of task.hpp.
#pragma once

#include "lastcall/adapters/postgres/async_connection.hpp"
#include "lastcall/postgres.hpp"
#include "lastcall/task.hpp"
