// The same for lastcall/redis.hpp.
#pragma once

#include <string>
#include <vector>

#include "lastcall/redis.hpp"
#include "tests/docs/app.hpp"

extern lastcall::handle<lastcall::redis::pool> cache;

void seen(const std::string& text);
