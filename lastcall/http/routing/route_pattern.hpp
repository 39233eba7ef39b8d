// A route's pattern, taken apart: "/users/{id}/{rest...}". Says what is wrong with it; knows no other pattern.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

enum class segment_kind : unsigned char { literal, param, rest };

struct pattern_segment {
  segment_kind what = segment_kind::literal;
  std::string text;  // a literal as it is after decoding, or the parameter's name
  friend bool operator==(const pattern_segment&, const pattern_segment&) = default;
};

struct parsed_pattern {
  std::vector<pattern_segment> segments;  // "/" is one empty literal, "/a/" two
  std::string error;                      // empty: sound
};

parsed_pattern parse_pattern(std::string_view pattern);

}  // namespace lastcall::inline v0::http::detail
