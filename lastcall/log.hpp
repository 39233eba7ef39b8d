// What the library logs, and how a program takes it or adds to it.
#pragma once

#include "lastcall/core/log/log.hpp"
#include "lastcall/core/log/log_limit.hpp"
#include "lastcall/core/log/log_line.hpp"
#include "lastcall/core/log/log_queue.hpp"
