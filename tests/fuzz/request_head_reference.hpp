// What a request head means by Beast's parser and the checks that it lacks, one after the other: slow and plain. Only
// to be compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/http/message/limits.hpp"

namespace lastcall::fuzz {

struct reference_head {
  bool complete = false;   // its last byte is there, or it is refused
  std::set<int> statuses;  // every answer that a refusal may be; empty: sound
  std::size_t consumed = 0;

  std::string method, target, host;
  std::vector<std::pair<std::string, std::string>> fields;
  std::optional<std::uint64_t> length;
  bool http_1_0 = false, chunked = false, keep_alive = false, expect_continue = false;
};

reference_head read_reference(std::string_view input, const http::limits& l);

}  // namespace lastcall::fuzz
