// The same for lastcall/postgres.hpp.
#pragma once

#include "lastcall/postgres.hpp"
#include "tests/docs/http.hpp"

namespace pg = lastcall::postgres;

extern lastcall::handle<pg::pool> db;
extern pg::connection& on;
extern std::string line;

std::string next_line();
void seen(const std::string& text);
