// Pools of anything that a program keeps a few of. Standard library only. Coroutines wait by net::acquire (task.hpp).
#pragma once

#include "lastcall/work/pool.hpp"
