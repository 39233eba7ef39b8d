// One entry of a stream, as a consumer gets it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::redis {

struct entry {
  std::string id{};                                           ///< "1700000000000-0"
  std::vector<std::pair<std::string, std::string>> fields{};  ///< in their order; a name may come twice
  std::uint64_t tries =
      1;  ///< how often it was given to a consumer, this time included: above 1 it may be done in part

  /// The first of this name.
  std::optional<std::string_view> field(std::string_view name) const {
    const auto found = std::ranges::find(fields, name, [](const auto& of) { return std::string_view(of.first); });
    return found == fields.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
};

}  // namespace lastcall::inline v0::redis
