// Raw TCP sessions, and the threads and loops that servers run on.
#pragma once

#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"
#include "lastcall/net/tcp/tcp_stream.hpp"
#include "lastcall/task.hpp"
