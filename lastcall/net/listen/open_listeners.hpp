// Opens the sockets of one address: alone, or together with the process before (overlap). Accepts nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/overlap.hpp"

namespace lastcall::inline v0::net {

/// Of a start, for all its addresses. Longer than a listener takes to settle, 3 s.
inline constexpr auto overlap_time = std::chrono::seconds(5);

/// `count` sockets in one SO_REUSEPORT group if it is more than one. With `overlap` those of the process that serves
/// there now, if there is one; then as many as it has.
/// Blocks: with `overlap` as long as `wait` says, and only while another process starts, closes, or does not answer.
/// Errors: std::system_error that names the address and the remedy, see `overlap::ask` too; std::invalid_argument for
/// options.
std::vector<listener> open_listeners(const listener_options&, std::size_t count, const start_wait& wait);

}  // namespace lastcall::inline v0::net
