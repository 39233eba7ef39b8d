// The same for lastcall/work.hpp.
#pragma once

#include <string>

#include "lastcall/work.hpp"
#include "tests/docs/app.hpp"

void deliver(const std::string& to, const std::string& text);
void keep(const std::string& to, const std::string& text);
