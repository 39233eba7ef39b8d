// Coroutines: what a handler returns and awaits, and the loops that they run on. Brings Boost.Asio's coroutines.
#pragma once

#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/net/wait.hpp"
