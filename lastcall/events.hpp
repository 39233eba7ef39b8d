// Streams of server-sent events, one by one and in groups.
#pragma once

#include "lastcall/http/sse/event_group.hpp"
#include "lastcall/http/sse/events.hpp"
#include "lastcall/task.hpp"
