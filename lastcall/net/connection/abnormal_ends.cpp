#include "lastcall/net/connection/abnormal_ends.hpp"

#include <string>

namespace lastcall::inline v0::net {

void abnormal_ends::note(const endpoint& remote, connection_state state, io_end how, time_point now) noexcept {
  counts_[static_cast<std::size_t>(how)].fetch_add(1, std::memory_order_relaxed);
  say(remote, state, to_text(how), now);
}

void abnormal_ends::say(const endpoint& remote, connection_state state, std::string_view how, time_point now) noexcept {
  const std::unique_lock lock(writing_, std::try_to_lock);
  const auto skipped = lock ? limit_.admit(now) : std::nullopt;
  if (!skipped) {
    if (!lock) skipped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::uint64_t left_out = *skipped + skipped_.exchange(0, std::memory_order_relaxed);
  log_.write(
      log_level::warning, component_, "connection ended abnormally",
      {{"remote", to_text(remote)}, {"state", to_text(state)}, {"how", how}, {"left_out", std::to_string(left_out)}});
}

}  // namespace lastcall::inline v0::net
