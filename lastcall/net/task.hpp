// The return type of coroutines: Asio's own, so that they can await all that Asio's coroutines can.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// A coroutine that begins when it is awaited, on the executor of the coroutine that awaits it.
template <class T = void> using task = boost::asio::awaitable<T>;

}  // namespace lastcall::inline v0
