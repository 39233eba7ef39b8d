#include "lastcall/http/detail/shard.hpp"

#include <cstring>

#include "lastcall/http/detail/request_access.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t spare_exchanges = 64;         // per loop: more are busy at once only while handlers suspend
constexpr std::size_t kept_body_bytes = 64 * 1024;  // a larger one goes back to the heap
}  // namespace

std::span<char> exchange::room() noexcept {
  if (begin > 0 && capacity - end < capacity / 2) {
    std::memmove(buffer.get(), buffer.get() + begin, end - begin);
    if (head != 0) request_access::move_head(req, req.method().data() - begin);  // the method is a head's first byte
    end -= begin;
    begin = 0;
  }
  return {buffer.get() + end, capacity - end};
}

exchange& shard::borrow() {
  // A head of the largest size fits, with room to see that it is larger, and room for a body behind it.
  if (spare_.empty()) return *new exchange(2 * service_.limits.head_bytes);
  exchange& x = *spare_.back().release();
  spare_.pop_back();
  return x;
}

void shard::give_back(exchange& x) noexcept {
  std::unique_ptr<exchange> owned(&x);
  if (spare_.size() >= spare_exchanges) return;
  x.begin = x.end = x.head = x.tail = x.scanned = 0;
  x.body.clear();
  if (x.body.capacity() > kept_body_bytes) x.body.shrink_to_fit();
  spare_.push_back(std::move(owned));
}

}  // namespace lastcall::inline v0::http::detail
