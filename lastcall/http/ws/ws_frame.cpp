#include "lastcall/http/ws/ws_frame.hpp"

#include <cstring>

namespace lastcall::inline v0::ws::detail {

head_parse parse_frame_head(std::string_view from, frame_head& into) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(from[i]); };
  if (from.empty()) return {};
  if (byte(0) & 0x70) return {.error = "a reserved bit is set"};
  const unsigned code = byte(0) & 0x0f;
  if ((code > 2 && code < 8) || code > 10) return {.error = "a reserved opcode"};
  into.code = static_cast<opcode>(code);
  into.fin = (byte(0) & 0x80) != 0;
  if (is_control(into.code) && !into.fin) return {.error = "a control frame in fragments"};
  if (from.size() < 2) return {};
  into.masked = (byte(1) & 0x80) != 0;
  const unsigned small = byte(1) & 0x7f;
  if (is_control(into.code) && small > most_control_bytes) return {.error = "a control frame of more than 125 bytes"};
  const std::size_t wide = small == 126 ? 2 : small == 127 ? 8 : 0;
  if (from.size() < 2 + wide) return {};
  into.length = wide == 0 ? small : 0;
  for (std::size_t i = 0; i < wide; ++i) into.length = into.length << 8 | byte(2 + i);
  if (into.length >> 63) return {.error = "a length of 2^63 or more"};
  if ((wide == 2 && into.length < 126) || (wide == 8 && into.length < 65536))
    return {.error = "a length in more bytes than it needs"};
  const std::size_t bytes = 2 + wide + (into.masked ? 4 : 0);
  if (from.size() < bytes) return {};
  if (into.masked) std::memcpy(into.mask, from.data() + 2 + wide, 4);
  return {.bytes = bytes};
}

std::size_t write_frame_head(char* to, opcode code, std::uint64_t length) noexcept {
  to[0] = static_cast<char>(0x80 | static_cast<std::uint8_t>(code));
  const std::size_t wide = length < 126 ? 0 : length < 65536 ? 2 : 8;
  to[1] = static_cast<char>(wide == 0 ? length : wide == 2 ? 126 : 127);
  for (std::size_t i = 0; i < wide; ++i) to[2 + i] = static_cast<char>(length >> (8 * (wide - 1 - i)));
  return 2 + wide;
}

void append_frame(std::string& to, opcode code, std::string_view payload) {
  char head[most_head_bytes];
  to.append(head, write_frame_head(head, code, payload.size())).append(payload);
}

void apply_mask(char* bytes, std::size_t size, const char (&mask)[4], std::uint64_t at) noexcept {
  char turned[8];
  for (std::size_t i = 0; i < sizeof turned; ++i) turned[i] = mask[(at + i) % 4];
  std::uint64_t eight;
  std::memcpy(&eight, turned, sizeof eight);
  for (; size >= sizeof eight; bytes += sizeof eight, size -= sizeof eight) {
    std::uint64_t part;
    std::memcpy(&part, bytes, sizeof part);
    part ^= eight;
    std::memcpy(bytes, &part, sizeof part);
  }
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ turned[i]);
}

}  // namespace lastcall::inline v0::ws::detail
