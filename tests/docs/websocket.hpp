// The same for lastcall/websocket.hpp.
#pragma once

#include "lastcall/websocket.hpp"
#include "tests/docs/task.hpp"

extern lastcall::ws::stream ws;
