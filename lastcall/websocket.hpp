// WebSockets, one by one and in groups.
#pragma once

#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/websocket_group.hpp"
#include "lastcall/task.hpp"
