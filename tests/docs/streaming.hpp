// The same for coroutines, which this header has.
#pragma once

#include "tests/docs/task.hpp"
