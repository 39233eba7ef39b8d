#include "lastcall/net/connection/byte_queue.hpp"

namespace lastcall::inline v0::net {

namespace {
constexpr std::size_t kept_bytes = 4096;
}  // namespace

void byte_queue::drop_front(std::size_t count) noexcept {
  from_ += count;
  if (from_ < bytes_.size()) {
    // Moving the rest costs as much as it is long: only when at least as much is used, and that is worth it.
    if (from_ >= kept_bytes && from_ >= bytes_.size() / 2) bytes_.erase(0, std::exchange(from_, 0));
    return;
  }
  from_ = 0;
  bytes_.clear();
  if (bytes_.capacity() > kept_bytes) bytes_.shrink_to_fit();
}

}  // namespace lastcall::inline v0::net
