#include "lastcall/core/lifecycle/shutdown_requests.hpp"

#include <utility>

namespace lastcall::inline v0 {

// The claim decides which other thread may write the place; `first_` decides which request counts, and publishes it.
bool shutdown_requests::request(shutdown_request&& by) noexcept {
  if (claimed_.exchange(true, std::memory_order_relaxed)) return false;
  by_other_ = std::move(by);
  return publish(by_other_);
}

const shutdown_request& shutdown_requests::request_as_driver(shutdown_request&& by) noexcept {
  if (first() != nullptr) return *first();
  by_driver_ = std::move(by);
  publish(by_driver_);
  return *first();
}

// Release: the acquire in first() then sees the whole request.
bool shutdown_requests::publish(const shutdown_request& by) noexcept {
  const shutdown_request* nobody = nullptr;
  if (!first_.compare_exchange_strong(nobody, &by, std::memory_order_release, std::memory_order_relaxed)) return false;
  driver_wakeup_.notify();
  return true;
}

void shutdown_requests::announce(time_point at) noexcept {
  time_point not_yet = time_point::max();
  if (announced_.compare_exchange_strong(not_yet, at, std::memory_order_relaxed)) driver_wakeup_.notify();
}

std::optional<time_point> shutdown_requests::announced() const noexcept {
  const time_point at = announced_.load(std::memory_order_relaxed);
  return at == time_point::max() ? std::nullopt : std::optional(at);
}

}  // namespace lastcall::inline v0
