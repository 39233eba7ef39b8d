// How much a client may send of what costs the server more than the client: a decision, as arithmetic on time points.
// Ends nothing itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::http::detail {

/// Frames that an honest client sends rarely.
enum class h2_noise : std::uint8_t {
  reset,         ///< a stream that ended before its answer: by the client, or by us for what it did (CVE-2023-44487)
  ping,          ///< each is answered
  settings,      ///< each is answered
  empty_data,    ///< DATA without a byte and without the end (CVE-2019-9518)
  priority,      ///< PRIORITY and PRIORITY_UPDATE, of which nothing is used
  continuation,  ///< of one head; see `head_begins` (CVE-2024-27316)
};
inline constexpr std::size_t h2_noises = 6;

/// A token bucket for each kind: `at_once` tokens, and `per_second` more with each second.
class h2_flood {
 public:
  /// Whether this one is too much.
  bool exceeds(h2_noise what, time_point now) noexcept;
  /// CONTINUATION is counted for each head anew.
  void head_begins() noexcept { used_[static_cast<std::size_t>(h2_noise::continuation)] = 0; }

  struct allowance {
    std::uint32_t at_once;
    std::uint32_t per_second;
  };
  static allowance allowed(h2_noise what) noexcept;

 private:
  std::array<std::int64_t, h2_noises> used_{};  // in thousandths
  std::array<time_point, h2_noises> last_{};
};

}  // namespace lastcall::inline v0::http::detail
