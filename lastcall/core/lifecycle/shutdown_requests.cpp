#include "lastcall/core/lifecycle/shutdown_requests.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "lastcall/core/put_off_signals.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr duration look_again = std::chrono::milliseconds(1);

timespec to_timespec(duration d) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(d);
  return {.tv_sec = static_cast<std::time_t>(seconds.count()), .tv_nsec = static_cast<long>((d - seconds).count())};
}

}  // namespace

bell::bell() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "app: no descriptor to be woken by");
}

bell::~bell() { close(descriptor_); }

void bell::ring() const noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full: then it has been rung.
  [[maybe_unused]] const ssize_t written = write(descriptor_, &one, sizeof one);
}

bool bell::rung_within(const timespec* time) const noexcept {
  pollfd watched{.fd = descriptor_, .events = POLLIN, .revents = 0};
  if (ppoll(&watched, 1, time, nullptr) <= 0) return false;
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t got = read(descriptor_, &rings, sizeof rings);
  return true;
}

void bell::wait(const clock& time, std::optional<time_point> until) const noexcept {
  const bool real = &time == &steady();
  if (const timespec at_once{}; !real && (rung_within(&at_once) || time.skip(until))) return;
  const time_point now = time.now();
  std::optional<duration> left;
  if (until) left = *until > now ? *until - now : duration::zero();
  if (!real) left = std::min(left.value_or(look_again), look_again);
  if (detail::longest_wait) left = std::min(left.value_or(*detail::longest_wait), *detail::longest_wait);
  const timespec timeout = to_timespec(left.value_or(duration::zero()));
  rung_within(left ? &timeout : nullptr);
}

bool shutdown_requests::ask(shutdown_request&& by) noexcept {
  if (claimed_.exchange(true, std::memory_order_relaxed)) return false;
  by_other_ = std::move(by);
  return publish(by_other_);
}

const shutdown_request& shutdown_requests::ask_as_driver(shutdown_request&& by) noexcept {
  if (const shutdown_request* first = asked()) return *first;
  by_driver_ = std::move(by);
  publish(by_driver_);
  return *asked();
}

bool shutdown_requests::publish(const shutdown_request& by) noexcept {
  const shutdown_request* nobody = nullptr;
  if (!first_.compare_exchange_strong(nobody, &by, std::memory_order_release, std::memory_order_relaxed)) return false;
  driver_.ring();
  return true;
}

void shutdown_requests::force() noexcept {
  forced_.store(true, std::memory_order_release);
  driver_.ring();
}

void shutdown_requests::ask_to_reload() noexcept {
  reload_.store(true, std::memory_order_release);
  driver_.ring();
}

void shutdown_requests::ask_for_state() noexcept {
  state_.store(true, std::memory_order_release);
  driver_.ring();
}

bool shutdown_requests::announce(time_point at) noexcept {
  time_point not_yet = time_point::max();
  const bool first = announced_.compare_exchange_strong(not_yet, at, std::memory_order_relaxed);
  if (first) driver_.ring();
  return first;
}

std::optional<time_point> shutdown_requests::announced() const noexcept {
  const time_point at = announced_.load(std::memory_order_relaxed);
  return at == time_point::max() ? std::nullopt : std::optional(at);
}

}  // namespace lastcall::inline v0
