// Work of a program's own: queues with workers, ticks, child processes. Standard library only; coroutines push with
// net::push of task.hpp.
#pragma once

#include "lastcall/work/child.hpp"
#include "lastcall/work/periodic.hpp"
#include "lastcall/work/run_child.hpp"
#include "lastcall/work/work_queue.hpp"
