// The same for lastcall/listen.hpp.
#pragma once

#include "lastcall/listen.hpp"
#include "tests/docs/app.hpp"

extern int fd;
void accept_loop(int fd);
