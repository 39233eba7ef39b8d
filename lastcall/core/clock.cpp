#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {
namespace {

struct steady_clock_source final : clock {
  time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
};

constinit const steady_clock_source source;

}  // namespace

const clock& steady() noexcept { return source; }

}  // namespace lastcall::inline v0
