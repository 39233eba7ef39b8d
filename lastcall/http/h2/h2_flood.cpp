#include "lastcall/http/h2/h2_flood.hpp"

#include <algorithm>
#include <chrono>

namespace lastcall::inline v0::http::detail {

namespace {
// In the order of h2_noise. nghttp2 has limits of its own for some of these, which are looser: 1,000 resets and 33 a
// second, 1,000 acknowledgements that wait to be sent.
constexpr std::array<h2_flood::allowance, h2_noises> allowances{{
    {200, 20},    // reset: a browser that leaves a page ends a hundred streams at once
    {100, 10},    // ping
    {100, 10},    // settings
    {100, 10},    // empty_data
    {1000, 100},  // priority
    {8, 0},       // continuation: heads of up to 144 KiB in full frames; nghttp2 draws the same line
}};
}  // namespace

h2_flood::allowance h2_flood::allowed(h2_noise what) noexcept { return allowances[static_cast<std::size_t>(what)]; }

bool h2_flood::exceeds(h2_noise what, time_point now) noexcept {
  const auto i = static_cast<std::size_t>(what);
  const allowance most = allowances[i];
  if (last_[i] < now) {
    const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_[i]).count();
    // After so long the bucket is empty. The check keeps the product from an overflow.
    used_[i] = ms > 10'000'000 ? (most.per_second > 0 ? 0 : used_[i])
                               : std::max<std::int64_t>(0, used_[i] - ms * most.per_second);
    if (ms > 0) last_[i] = now;
  }
  used_[i] += 1000;
  return used_[i] > std::int64_t{1000} * most.at_once;
}

}  // namespace lastcall::inline v0::http::detail
