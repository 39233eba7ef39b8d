#include "lastcall/testing/internal/latencies.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lastcall::inline v0::testing {

namespace {

constexpr int precision_bits = 7;
constexpr std::uint64_t longest = std::uint64_t{1} << 44;  // about 4.9 hours
constexpr std::size_t bucket_count = (44 - precision_bits + 2) << precision_bits;

std::size_t bucket_of(std::uint64_t ns) noexcept {
  ns = std::min(ns, longest);
  const int shift = std::max(0, static_cast<int>(std::bit_width(ns)) - precision_bits - 1);
  return (static_cast<std::size_t>(shift) << precision_bits) + static_cast<std::size_t>(ns >> shift);
}

std::uint64_t upper_end(std::size_t bucket) noexcept {
  constexpr std::size_t half = std::size_t{1} << precision_bits;
  if (bucket < 2 * half) return bucket;
  const std::size_t shift = (bucket >> precision_bits) - 1;
  return ((bucket - (shift << precision_bits) + 1) << shift) - 1;
}

}  // namespace

void latencies::add(duration value) noexcept {
  const auto ns = std::max<std::int64_t>(0, std::chrono::nanoseconds(value).count());
  if (buckets_.empty()) buckets_.resize(bucket_count);
  ++buckets_[bucket_of(static_cast<std::uint64_t>(ns))];
  ++count_;
  max_ = std::max(max_, value);
}

duration latencies::percentile(double share) const noexcept {
  if (count_ == 0) return {};
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(max_, duration(std::chrono::nanoseconds(upper_end(i))));
  }
  return max_;
}

latencies& latencies::operator+=(const latencies& other) {
  if (buckets_.empty()) buckets_.resize(bucket_count);
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  return *this;
}

}  // namespace lastcall::inline v0::testing
