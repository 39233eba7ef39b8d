// PostgreSQL by libpq: a pool, queries that their context bounds, transactions, pipelines, COPY and LISTEN. For
// coroutines: postgres_async.hpp.
#pragma once

#include "lastcall/adapters/postgres/copy.hpp"
#include "lastcall/adapters/postgres/listener.hpp"
#include "lastcall/adapters/postgres/pipeline.hpp"
#include "lastcall/adapters/postgres/pool.hpp"
#include "lastcall/adapters/postgres/transaction.hpp"
