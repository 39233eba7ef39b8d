#include "lastcall/core/lifecycle/wakeup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <system_error>

namespace lastcall::inline v0 {

constexpr const char* no_descriptor = "app: no descriptor to be woken by";
constexpr duration longest_virtual_wait = std::chrono::milliseconds(1);

wakeup::wakeup() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), poll_(no_descriptor) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), no_descriptor);
}

wakeup::~wakeup() { close(descriptor_); }

void wakeup::notify() const noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full: then it has been rung.
  [[maybe_unused]] const ssize_t written = write(descriptor_, &one, sizeof one);
}

bool wakeup::notified_by(std::optional<time_point> until) const noexcept {
  poll_.wait(descriptor_, until);
  std::uint64_t rings = 0;
  return read(descriptor_, &rings, sizeof rings) > 0;
}

// A virtual clock may have moved on already: it is asked first. Then the wait is in real time, with the limit above.
void wakeup::wait(const clock& time, std::optional<time_point> until) const noexcept {
  if (&time != &steady()) {
    if (notified_by(time_point::min()) || time.skip(until)) return;
    const duration left =
        until ? std::max(*until - std::min(*until, time.now()), duration::zero()) : longest_virtual_wait;
    until = steady().now() + std::min(left, longest_virtual_wait);
  }
  notified_by(until);
}

}  // namespace lastcall::inline v0
