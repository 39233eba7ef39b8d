// What stands around handlers.
#pragma once

#include "lastcall/http/serving/middleware.hpp"
#include "lastcall/task.hpp"
