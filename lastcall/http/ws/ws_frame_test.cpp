#include "lastcall/http/ws/ws_frame.hpp"

#include <gmock/gmock.h>

#include "lastcall/http/ws/websocket_message.hpp"

namespace lastcall::ws::detail::ws_frame_test {

using namespace std::string_literals;

TEST(ws_frame, writes_each_length_in_its_shortest_form) {
  for (const std::uint64_t length : {0ULL, 1ULL, 125ULL, 126ULL, 65535ULL, 65536ULL, 1ULL << 40}) {
    char bytes[most_head_bytes];
    const std::size_t size = write_frame_head(bytes, opcode::binary, length);
    EXPECT_EQ(size, length < 126 ? 2U : length < 65536 ? 4U : 10U);
    frame_head read;
    EXPECT_EQ(parse_frame_head({bytes, size}, read).bytes, size) << length;
    EXPECT_EQ(read.length, length);
    EXPECT_TRUE(read.fin);
    EXPECT_FALSE(read.masked);
    EXPECT_EQ(read.code, opcode::binary);
    for (std::size_t less = 0; less < size; ++less) {
      const head_parse part = parse_frame_head({bytes, less}, read);
      EXPECT_EQ(part.bytes, 0U);
      EXPECT_EQ(part.error, nullptr);
    }
  }
}

TEST(ws_frame, masks_as_a_loop_over_bytes_would) {
  const char mask[4] = {'\x12', '\xff', '\x00', '\x80'};
  std::string plain;
  for (int i = 0; i < 70; ++i) plain += static_cast<char>(i * 7);
  for (std::size_t size = 0; size < plain.size(); ++size) {
    for (std::uint64_t at = 0; at < 9; ++at) {
      std::string one = plain.substr(0, size), other = one;
      apply_mask(one.data(), one.size(), mask, at);
      for (std::size_t i = 0; i < size; ++i) other[i] = static_cast<char>(other[i] ^ mask[(at + i) % 4]);
      ASSERT_EQ(one, other) << size << " at " << at;
    }
  }
}

TEST(ws_frame, knows_which_codes_may_be_sent) {
  for (const int yes : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999})
    EXPECT_TRUE(may_be_sent(static_cast<std::uint16_t>(yes))) << yes;
  for (const int no : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535})
    EXPECT_FALSE(may_be_sent(static_cast<std::uint16_t>(no))) << no;
}

}  // namespace lastcall::ws::detail::ws_frame_test
