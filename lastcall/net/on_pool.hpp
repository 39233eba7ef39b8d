// Marks a handler that is to run on a thread of its server's blocking pool. Runs nothing: see thread_pool.
#pragma once

#include <type_traits>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

template <class F> struct on_pool {
  F call;
};

/// Makes a handler that may take its time: it runs on a thread of the server's blocking pool, and holds that until it
/// returns. Give the pool enough threads for handlers of long-lived connections. Which forms `f` may have, and what a
/// remote gets when the pool is full, is said by the kinds of handlers: http::handler, sse::handler, ws::handler and
/// net::session_handler.
template <class F> auto blocking(F&& f) { return on_pool<std::decay_t<F>>{std::forward<F>(f)}; }

}  // namespace lastcall::inline v0::net
