#include "lastcall/http/requests/shard.hpp"

#include "lastcall/http/requests/call.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr std::size_t spare_exchanges = 64;         // per loop: more are busy at once only while handlers suspend
constexpr std::size_t kept_body_bytes = 64 * 1024;  // a larger one goes back to the heap
}  // namespace

shard::shard(std::shared_ptr<const detail::service> service, net::connection_set& connections)
    : stats(service->routes.routes().size()),
      service_(std::move(service)),
      set_(connections),
      environment_(std::make_shared<const call_environment>(call_environment{set_.loop(), service_})),
      coroutines_(environment_),
      batched_writes_(set_.loop()) {}

exchange& shard::borrow() {
  // A head of the largest size fits, with room to see that it is larger, and room for a body behind it.
  if (spare_.empty()) return *new exchange(2 * service_->limits.head_bytes);
  exchange& x = *spare_.back().release();
  spare_.pop_back();
  return x;
}

void shard::give_back(exchange& x) noexcept {
  std::unique_ptr<exchange> owned(&x);
  if (spare_.size() >= spare_exchanges) return;
  x.next();
  x.input.clear();
  if (x.body.capacity() > kept_body_bytes) x.body.shrink_to_fit();
  spare_.push_back(std::move(owned));
}

}  // namespace lastcall::inline v0::http::detail
