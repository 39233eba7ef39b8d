#include "lastcall/net/connection/address_counts.hpp"

#include <algorithm>
#include <string_view>

namespace lastcall::inline v0::net {

address_counts::key::key(const endpoint& remote) noexcept {
  const endpoint plain = remote.unmapped();
  family = plain.family();
  const std::string_view all = plain.address_bytes();
  std::copy_n(all.begin(), std::min(all.size(), bytes.size()), bytes.begin());
}

std::size_t address_counts::hash::operator()(const key& k) const noexcept {
  return std::hash<std::string_view>()({k.bytes.data(), k.bytes.size()});
}

std::size_t address_counts::enter(const endpoint& remote) {
  if (!remote.ip()) return 0;
  const std::lock_guard lock(mutex_);
  return ++counts_[key(remote)];
}

void address_counts::leave(const endpoint& remote) noexcept {
  if (!remote.ip()) return;
  const std::lock_guard lock(mutex_);
  const auto at = counts_.find(key(remote));
  if (at != counts_.end() && --at->second == 0) counts_.erase(at);
}

}  // namespace lastcall::inline v0::net
