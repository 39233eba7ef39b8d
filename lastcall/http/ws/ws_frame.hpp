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

/// The payload of a control frame.
inline constexpr std::size_t most_control_bytes = 125;
inline constexpr std::size_t most_head_bytes = 14;  // a client's, with a mask

struct head_parse {
  std::size_t bytes = 0;        ///< the size of the head; 0: it is incomplete
  const char* error = nullptr;  ///< null, or how it breaks the protocol
};

/// Finds an error at the first byte that shows it.   Source: RFC 6455 section 5.2.
head_parse parse_frame_head(std::string_view from, frame_head& into) noexcept;

/// Writes the head of a whole frame without a mask, as servers send them. Returns its size, at most 10 bytes.
std::size_t write_frame_head(char* to, opcode, std::uint64_t length) noexcept;
void append_frame(std::string& to, opcode, std::string_view payload);

/// Masks or unmasks. `at`: the position of the first byte in the payload of its frame.
void apply_mask(char* bytes, std::size_t size, const char (&mask)[4], std::uint64_t at) noexcept;

}  // namespace lastcall::inline v0::ws::detail
