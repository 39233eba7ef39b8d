// Which bytes a Range header asks for. Pure; sends nothing, and does not look at If-Range: that is preconditions'.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

/// The first and the last byte, both included.
struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const byte_range&, const byte_range&) = default;
};

struct range_result {
  enum class kind : unsigned char {
    none,           // no Range, or one that is ignored: everything, with 200
    unsatisfiable,  // 416
    some,           // 206
  };
  static constexpr std::size_t most = 16;

  kind what = kind::none;
  std::size_t count = 0;
  std::array<byte_range, most> ranges{};  // as asked for, in that order; each within the representation
};

/// Reads the value of a Range header for a representation of `size` bytes. Ignores
/// other units than bytes, malformed values, more than 16 ranges, and ranges that overlap: so no byte is sent twice.
/// The last bytes of an empty representation are all of it.   Source: RFC 9110 sections 14.1.2 and 14.2.
range_result parse_range(std::string_view field, std::uint64_t size) noexcept;

}  // namespace lastcall::inline v0::http::detail
