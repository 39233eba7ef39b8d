#include "lastcall/net/connection/address_counts.hpp"

namespace lastcall::inline v0::net {

namespace {
/// Short enough to be kept without an allocation.
std::string key_of(const endpoint& remote) { return std::string(remote.unmapped().address_bytes().substr(0, 8)); }
}  // namespace

std::size_t address_counts::enter(const endpoint& remote) {
  if (!remote.ip()) return 0;
  const std::lock_guard lock(mutex_);
  return ++counts_[key_of(remote)];
}

void address_counts::leave(const endpoint& remote) noexcept {
  if (!remote.ip()) return;
  const std::lock_guard lock(mutex_);
  const auto at = counts_.find(key_of(remote));
  if (at != counts_.end() && --at->second == 0) counts_.erase(at);
}

}  // namespace lastcall::inline v0::net
