#include "lastcall/http/message/byte_scan.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace lastcall::http::detail::byte_scan_test {

using scan = const char* (*)(const char*, const char*);
using harmless = bool (*)(char);

/// Each byte value at each place of texts of up to 40 bytes, on the heap with nothing behind them.
void agrees_with_each_byte(scan f, harmless goes_on) {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t place = 0; place <= size; ++place) {
      for (int c = 0; c < 256; ++c) {
        std::vector<char> text(size, 'a');
        if (place < size) text[place] = static_cast<char>(c);
        if (place + 1 < size) text[place + 1] = '\t';
        const char* const begin = text.data();
        const char* const end = begin + size;
        ASSERT_EQ(f(begin, end), std::find_if_not(begin, end, goes_on))
            << "byte " << c << " at " << place << " of " << size;
      }
    }
  }
}

TEST(byte_scan, stops_where_a_look_at_each_byte_would) {
  agrees_with_each_byte(find_token_end, [](char c) { return is_token_char(c); });
  agrees_with_each_byte(find_control, [](char c) { return !is_control(c); });
  agrees_with_each_byte(find_target_mark, [](char c) { return is_plain_in_target(c); });
}

}  // namespace lastcall::http::detail::byte_scan_test
