#include "lastcall/core/lifecycle/wakeup.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <system_error>

#include "lastcall/core/threads/put_off_signals.hpp"

namespace lastcall::inline v0 {

constexpr duration longest_virtual_wait = std::chrono::milliseconds(1);

wakeup::wakeup() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "app: no descriptor to be woken by");
}

wakeup::~wakeup() { close(descriptor_); }

void wakeup::notify() const noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full: then it has been rung.
  [[maybe_unused]] const ssize_t written = write(descriptor_, &one, sizeof one);
}

bool wakeup::notified_within(const timespec* time) const noexcept {
  pollfd watched{.fd = descriptor_, .events = POLLIN, .revents = 0};
  if (ppoll(&watched, 1, time, nullptr) <= 0) return false;
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t got = read(descriptor_, &rings, sizeof rings);
  return true;
}

// A virtual clock may have moved on already: it is asked first. Then the wait is in real time, with the limits above.
void wakeup::wait(const clock& time, std::optional<time_point> until) const noexcept {
  const bool real = &time == &steady();
  if (const timespec at_once{}; !real && (notified_within(&at_once) || time.skip(until))) return;
  const time_point now = time.now();
  std::optional<duration> left;
  if (until) left = *until > now ? *until - now : duration::zero();
  if (!real) left = std::min(left.value_or(longest_virtual_wait), longest_virtual_wait);
  if (detail::longest_wait) left = std::min(left.value_or(*detail::longest_wait), *detail::longest_wait);
  const timespec timeout = detail::to_timespec(left.value_or(duration::zero()));
  notified_within(left ? &timeout : nullptr);
}

}  // namespace lastcall::inline v0
