// For tests: HTTP/2 frames as bytes, also such as nobody should send, and what comes back taken apart again. Pure:
// sends nothing, and knows neither flow control nor streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lastcall::inline v0::http::testing_h2 {

enum type : std::uint8_t {
  data_frame = 0,
  headers_frame = 1,
  priority_frame = 2,
  rst_frame = 3,
  settings_frame = 4,
  push_frame = 5,
  ping_frame = 6,
  goaway_frame = 7,
  window_frame = 8,
  continuation_frame = 9,
};
enum flag : std::uint8_t { no_flags = 0, ack = 1, end_stream = 1, end_headers = 4, padded = 8, priority = 32 };
enum code : std::uint32_t {
  no_error,
  protocol_error,
  internal_error,
  flow_control_error,
  settings_timeout,
  stream_closed,
  frame_size_error,
  refused_stream,
  cancelled,
  compression_error,
  connect_error,
  enhance_your_calm,
  inadequate_security,
  http_1_1_required,
};

inline const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Big-endian, of so many bytes.
inline std::string number(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

/// `said`: the length that the header tells, if not the true one.
inline std::string frame(int type, int flags, std::uint32_t id, std::string_view payload,
                         std::optional<std::size_t> said = {}) {
  std::string out = number(said.value_or(payload.size()), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out.append(number(id, 4)).append(payload);
}

// HPACK. Literals without indexing unless said otherwise, so that one block does not hang on others.   Source: RFC
// 7541.

inline std::string integer(std::uint64_t value, int prefix_bits, int first = 0) {
  const std::uint64_t most = (1U << prefix_bits) - 1;
  if (value < most) return std::string(1, static_cast<char>(static_cast<std::uint64_t>(first) | value));
  std::string out(1, static_cast<char>(static_cast<std::uint64_t>(first) | most));
  for (value -= most; value >= 128; value /= 128) out += static_cast<char>(value % 128 + 128);
  return out += static_cast<char>(value);
}
inline std::string text(std::string_view s) { return integer(s.size(), 7).append(s); }
inline std::string field(std::string_view name, std::string_view value, int form = 0x00) {
  return std::string(1, static_cast<char>(form)) + text(name) + text(value);
}
using fields = std::vector<std::pair<std::string, std::string>>;
inline std::string block(const fields& all) {
  std::string out;
  for (const auto& [name, value] : all) out += field(name, value);
  return out;
}
inline std::string request_block(const std::string& method, const std::string& path, const fields& more = {}) {
  return block({{":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "a"}}) + block(more);
}

// Frames as they should be.

inline std::string headers(std::uint32_t id, std::string_view block, int flags = end_headers | end_stream) {
  return frame(headers_frame, flags, id, block);
}
inline std::string get(std::uint32_t id, const std::string& path = "/", const fields& more = {}) {
  return headers(id, request_block("GET", path, more));
}
/// The head of a request with a body.
inline std::string post(std::uint32_t id, const std::string& path = "/upload", const fields& more = {}) {
  return headers(id, request_block("POST", path, more), end_headers);
}
inline std::string data(std::uint32_t id, std::string_view bytes, int flags = end_stream) {
  return frame(data_frame, flags, id, bytes);
}
inline std::string settings(const std::vector<std::pair<int, std::uint32_t>>& all = {}) {
  std::string payload;
  for (const auto& [what, value] : all) payload += number(static_cast<std::uint64_t>(what), 2) + number(value, 4);
  return frame(settings_frame, no_flags, 0, payload);
}
inline std::string settings_ack() { return frame(settings_frame, ack, 0, ""); }
inline std::string window(std::uint32_t id, std::uint32_t more) { return frame(window_frame, 0, id, number(more, 4)); }
inline std::string reset(std::uint32_t id, std::uint32_t why = cancelled) {
  return frame(rst_frame, 0, id, number(why, 4));
}
inline std::string ping(std::string_view eight = "12345678") { return frame(ping_frame, 0, 0, eight); }
inline std::string go_away(std::uint32_t last = 0, std::uint32_t why = no_error) {
  return frame(goaway_frame, 0, 0, number(last, 4) + number(why, 4));
}

struct heard_frame {
  int type = 0;
  int flags = 0;
  std::uint32_t id = 0;
  std::string payload = {};

  std::uint32_t number_at(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4 && i < payload.size(); ++i)
      value = value << 8 | static_cast<unsigned char>(payload[i]);
    return value;
  }
};

/// Takes the first whole frame off `bytes`.
inline std::optional<heard_frame> take_frame(std::string& bytes) {
  if (bytes.size() < 9) return std::nullopt;
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  const std::size_t length = at(0) << 16 | at(1) << 8 | at(2);
  if (bytes.size() < 9 + length) return std::nullopt;
  heard_frame f{.type = static_cast<int>(at(3)), .flags = static_cast<int>(at(4))};
  f.id = static_cast<std::uint32_t>((at(5) & 0x7f) << 24 | at(6) << 16 | at(7) << 8 | at(8));
  f.payload = bytes.substr(9, length);
  bytes.erase(0, 9 + length);
  return f;
}

}  // namespace lastcall::inline v0::http::testing_h2
