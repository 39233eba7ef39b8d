// What stands around handlers.
#pragma once

#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/task.hpp"
