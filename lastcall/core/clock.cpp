#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {
namespace {

struct steady_clock_source final : clock {
  time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
};

// Never destroyed: threads that watch the exit still look at it when static objects have gone.
union never_destroyed {
  constexpr never_destroyed() noexcept : source() {}
  ~never_destroyed() {}  // NOLINT: does nothing, on purpose

  steady_clock_source source;
};

constinit const never_destroyed kept;

}  // namespace

const clock& steady() noexcept { return kept.source; }

}  // namespace lastcall::inline v0
