// Answers after a while, holding no thread: what the slow routes are made of.
#pragma once

#include "lastcall/core/context.hpp"
#include "lastcall/http/responder.hpp"
#include "lastcall/http/response.hpp"
#include "lastcall/net/runtime.hpp"

namespace testbed {

/// Answers `in_time` after `time`, or `early` as soon as `until` is requested.
void answer_after(lastcall::net::runtime& on, lastcall::duration time, std::stop_token until,
                  lastcall::http::responder reply, lastcall::http::response in_time, lastcall::http::response early);

}  // namespace testbed
