// Bodies in pieces, both ways, and uploads to a file.
#pragma once

#include "lastcall/http/files/save.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/task.hpp"
