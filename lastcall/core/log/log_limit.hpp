// Limits how many lines of one kind are logged each second. Pure: it only counts, the caller writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// Admits a number of lines in any one second, and counts the others.   Threads: one, or guard it.
class log_limit {
 public:
  /// At least 1, at most 1,000.
  explicit log_limit(std::size_t lines_per_second) : admitted_(std::clamp<std::size_t>(lines_per_second, 1, 1000)) {}

  /// Empty: do not write the line. Otherwise write it; the number is how many were suppressed since the last one.
  std::optional<std::uint64_t> admit(time_point now) {
    std::optional<time_point>& oldest = admitted_[next_];
    if (oldest && now - *oldest < std::chrono::seconds(1)) {
      ++suppressed_;
      return std::nullopt;
    }
    oldest = now;
    next_ = (next_ + 1) % admitted_.size();
    return std::exchange(suppressed_, 0);
  }

 private:
  std::vector<std::optional<time_point>> admitted_;  // a ring: the times of the last lines, from next_ on
  std::size_t next_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace lastcall::inline v0
