// SQLite: a pool with one writer and many readers, queries that their context bounds, transactions, backup.
#pragma once

#include "lastcall/adapters/sqlite/backup.hpp"
#include "lastcall/adapters/sqlite/pool.hpp"
#include "lastcall/adapters/sqlite/transaction.hpp"
