// What is sent to a topic, and what comes from it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::kafka {

struct header {
  std::string name{};
  std::optional<std::string> value{};

  bool operator==(const header&) const = default;
};

/// To be sent.
struct record {
  std::string topic{};
  /// Records of one key go to one partition. Empty: to any.
  std::optional<std::string> key{};
  /// Empty: none, which deletes the key from a compacted topic.
  std::optional<std::string> value{};
  std::vector<header> headers{};
  /// Empty: by the key.
  std::optional<std::int32_t> partition{};
};

/// One that came. A copy, which outlives its consumer.
struct message {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key{};
  std::optional<std::string> value{};
  std::vector<header> headers{};
  /// As its producer or its broker set it.
  std::optional<std::chrono::system_clock::time_point> time{};
  /// How often it was tried before, by this consumer.
  std::size_t failures = 0;
};

/// "orders [2] 117", for logs and reports.
std::string to_text(const message& of);

}  // namespace lastcall::inline v0::kafka
