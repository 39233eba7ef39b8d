// What is said on a WebSocket: messages, and the codes with which one ends. Sends nothing.
#pragma once

#include <cstdint>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::ws {

enum class message_kind : unsigned char { text, binary };

/// A whole message, from however many frames. The data of a text is UTF-8.
struct message {
  message_kind kind = message_kind::text;
  std::string data;

  friend bool operator==(const message&, const message&) = default;
};

/// Source: RFC 6455 section 7.4.1, and IANA's registry of close codes.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;  ///< the server is being stopped
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t none = 1005;  ///< never on the wire: a Close without a code came
inline constexpr std::uint16_t gone = 1006;  ///< never on the wire: the connection ended without a Close
inline constexpr std::uint16_t not_utf8 = 1007;
inline constexpr std::uint16_t policy = 1008;  ///< also sent to a remote that reads too slowly
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t service_restart = 1012;
}  // namespace close_code

/// Whether a Close may carry it.
constexpr bool may_be_sent(std::uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace lastcall::inline v0::ws
