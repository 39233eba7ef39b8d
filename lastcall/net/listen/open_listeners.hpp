// Opens the sockets of one address: alone, or together with the process before (overlap). Accepts nothing.
#pragma once

#include <cstddef>
#include <vector>

#include "lastcall/net/listen/listener.hpp"

namespace lastcall::inline v0::net {

/// `count` sockets in one SO_REUSEPORT group if it is more than one. With `overlap` those of the process that serves
/// there now, if there is one; then as many as it has.
/// Blocks: with `overlap` at most about 5 s, and only while the process before closes, or does not answer.
/// Errors: std::system_error that names the address and the remedy; std::invalid_argument for options.
std::vector<listener> open_listeners(const listener_options&, std::size_t count);

}  // namespace lastcall::inline v0::net
