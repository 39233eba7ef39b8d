// What coroutines of Lastcall return. Asio's own type, so that everything that Asio's users await can be awaited in
// one.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// A coroutine that begins when it is awaited, on the executor of whoever awaits it.
template <class T = void> using task = boost::asio::awaitable<T>;

}  // namespace lastcall::inline v0
