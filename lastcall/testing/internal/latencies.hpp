// A distribution of durations in bounded memory: percentiles within 1 %, the largest exact. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::testing {

/// 128 buckets for each power of two of nanoseconds, made with the first value: about 30 KiB.   Threads: one.
class latencies {
 public:
  void add(duration) noexcept;
  std::uint64_t count() const noexcept { return count_; }
  duration max() const noexcept { return max_; }
  /// The smallest duration that at least `share` (0 to 1) of all values do not exceed. Zero without values.
  duration percentile(double share) const noexcept;
  latencies& operator+=(const latencies&);

 private:
  std::vector<std::uint32_t> buckets_;
  std::uint64_t count_ = 0;
  duration max_{};
};

}  // namespace lastcall::inline v0::testing
