// The same for lastcall/sqlite.hpp.
#pragma once

#include "lastcall/sqlite.hpp"
#include "tests/docs/app.hpp"

extern lastcall::sqlite::pool& notes_pool;
