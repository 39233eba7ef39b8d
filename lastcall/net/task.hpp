// The return type of coroutines: Asio's own, so that they can await all that Asio's coroutines can.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "lastcall/core/caught.hpp"

namespace lastcall::inline v0::detail {
/// As caught(). A thread that ends in a coroutine ends the process, after a line that says so: nothing can go on in its
/// place.
std::exception_ptr caught_in_coroutine();

template <class Frame> void end_with(Frame& frame, std::exception_ptr error) {
  if constexpr (requires { frame.set_except(error); }) {
    frame.set_except(error);
  } else {
    frame.set_disposition(error);  // Boost 1.88
  }
}
}  // namespace lastcall::inline v0::detail

/// @cond
// Asio takes an exception that C++ can't name (a Rust panic) for none, and the result of the coroutine is whatever lay
// in memory. Include this before coroutines of your own that Lastcall shall call.
template <> inline void boost::asio::detail::awaitable_frame_base<boost::asio::any_io_executor>::unhandled_exception() {
  lastcall::detail::end_with(*this, lastcall::detail::caught_in_coroutine());
}
/// @endcond

namespace lastcall::inline v0 {

/// A coroutine that begins when it is awaited, on the executor of the coroutine that awaits it.
template <class T = void> using task = boost::asio::awaitable<T>;

}  // namespace lastcall::inline v0
