// Pools of anything that a program keeps a few of. Standard library only; coroutines wait with net::acquire of task.hpp.
#pragma once

#include "lastcall/work/pool.hpp"
