// Coroutines: what a handler returns and awaits. Brings Boost.Asio's coroutines.
#pragma once

#include "lastcall/net/acquire.hpp"
#include "lastcall/net/push.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/net/wait.hpp"
