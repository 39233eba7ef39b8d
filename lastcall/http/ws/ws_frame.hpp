// The frames of RFC 6455: their heads read and written, their payloads masked. Knows no messages and no connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::ws::detail {

enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

constexpr bool is_control(opcode code) noexcept { return static_cast<std::uint8_t>(code) >= 8; }

struct frame_head {
  opcode code = opcode::continuation;
  bool fin = false;
  bool masked = false;
  char mask[4] = {};
  std::uint64_t length = 0;
};

/// Of a control frame.
inline constexpr std::size_t most_control_bytes = 125;
inline constexpr std::size_t most_head_bytes = 14;  // a client's, with a mask

struct head_parse {
  std::size_t bytes = 0;        ///< of the head; 0: not all of it is here
  const char* error = nullptr;  ///< what breaks the protocol
};

/// Says what is wrong as soon as the bytes that say so are here.   Source: RFC 6455 section 5.2.
head_parse parse_frame_head(std::string_view from, frame_head& into) noexcept;

/// Of an unmasked frame that is whole, as servers send them; at most 10 bytes. How many.
std::size_t write_frame_head(char* to, opcode, std::uint64_t length) noexcept;
void append_frame(std::string& to, opcode, std::string_view payload);

/// Masks or unmasks; `at` is the place of the first byte within its frame's payload.
void apply_mask(char* bytes, std::size_t size, const char (&mask)[4], std::uint64_t at) noexcept;

}  // namespace lastcall::inline v0::ws::detail
