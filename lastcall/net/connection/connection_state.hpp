// The states, kinds and ends of connections, with their names in logs, metrics and the report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lastcall/core/enum_names.hpp"

namespace lastcall::inline v0::net {

/// What a connection does. Each state has a deadline, while serving and while draining.
enum class connection_state : std::uint8_t {
  fresh,      ///< accepted; no byte has come yet ("new")
  reading,    ///< a request has begun and is incomplete
  busy,       ///< a handler works, or its response is being sent
  idle,       ///< between two requests
  upgraded,   ///< a long-lived session; told of a drain at its own moment, see connection::on_told
  lingering,  ///< our FIN is sent; reads until the remote's FIN
  closed,
};
inline constexpr std::size_t open_connection_states = lastcall::detail::enum_count<connection_state>() - 1;

/// The protocol, for status, metrics and report. A connection may become another kind.
enum class connection_kind : std::uint8_t { tcp, http1, http2, websocket, events };
inline constexpr std::size_t connection_kinds = lastcall::detail::enum_count<connection_kind>();

/// How a connection ended: one column of the connection ledger, in its order. Exactly one for each connection that was
/// accepted.
enum class connection_end : std::uint8_t { clean, by_remote, reset, timed_out, handed_over, forced };
inline constexpr std::size_t connection_ends = lastcall::detail::enum_count<connection_end>();

constexpr std::string_view to_text(connection_state state) noexcept {
  constexpr std::string_view names[] = {"new", "reading", "busy", "idle", "upgraded", "lingering", "closed"};
  return names[static_cast<std::size_t>(state)];
}

constexpr std::string_view to_text(connection_kind kind) noexcept {
  return lastcall::detail::enum_names<connection_kind>[static_cast<std::size_t>(kind)];
}

}  // namespace lastcall::inline v0::net
