// PostgreSQL by libpq: a pool, queries that their context bounds, transactions.
#pragma once

#include "lastcall/adapters/postgres/pool.hpp"
#include "lastcall/adapters/postgres/transaction.hpp"
