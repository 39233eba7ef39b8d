// The `drain` of a component that wraps a server of another library: its listening socket ends without losing a client.
// Does not end its connections.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0::net {

namespace detail {
/// Settles it, and then calls `then`; without one ends the listening.
void drain_listener(int listening, const context& ends, const function<void()>& then);
}  // namespace detail

/// For `functions::drain`: new clients are refused at once, and those that have connected, or are about to, are still
/// accepted by the program's own loop. Then calls `then`, such as `[&] { server.stop(); }`. Without it the listening
/// ends: a blocking accept() of the program, or an asynchronous one, fails with EINVAL, so its loop returns.
/// `listening` is the descriptor, or a function that returns it, called when the drain begins. It must not be shared
/// with another process, nor be in an SO_REUSEPORT group of which others stay. TCP, or Unix-domain without `then`.
/// Blocks, when called: usually 10 to 20 ms; at most until the drain end, or until it is forced.
/// Errors, when called: std::invalid_argument if it is not a listening socket.
template <class Listening>
  requires std::convertible_to<Listening, int> || std::is_invocable_r_v<int, Listening&>
function<void(context)> drain_of_listener(Listening listening, function<void()> then = {}) {
  return [listening = std::move(listening), then = std::move(then)](const context& ends) mutable {
    if constexpr (std::is_invocable_r_v<int, Listening&>)
      detail::drain_listener(static_cast<int>(listening()), ends, then);
    else
      detail::drain_listener(static_cast<int>(listening), ends, then);
  };
}

}  // namespace lastcall::inline v0::net
