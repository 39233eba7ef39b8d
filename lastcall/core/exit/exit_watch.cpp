#include "lastcall/core/exit/exit_watch.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "lastcall/core/exit/backstop.hpp"
#include "lastcall/core/exit/exit_code.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr duration least_time = std::chrono::milliseconds(100);
// A process that still runs a second after its deadline does so on purpose: a test, or a program that embeds an app.
// Its exit gets more time, for coverage and leak checks in exit handlers.
constexpr duration goes_on_after = std::chrono::seconds(1);
constexpr duration time_when_it_went_on = std::chrono::seconds(10);

std::atomic<time_point> exit_deadline{};
std::atomic<pid_t> watched_process{0};  // not a forked child

extern "C" void lastcall_at_exit() {
  if (watched_process.load() != getpid()) return;
  const time_point now = steady().now(), due = exit_deadline.load();
  const time_point by = now > due + goes_on_after ? now + time_when_it_went_on : std::max(due, now + least_time);
  static backstop& until_gone = *new backstop;  // never destroyed: it watches the destructors
  static_assert(exit_codes::hung == 4, "as the text says");
  until_gone.arm(by, exit_codes::hung,
                 "lastcall: deadline passed: something hangs after the app: an exit handler or the destructor of a "
                 "static object; leaving with exit code 4\n");
}

}  // namespace

void watch_exit(time_point by) noexcept {
  exit_deadline.store(by);
  watched_process.store(getpid());
  [[maybe_unused]] static const int registered = std::atexit(lastcall_at_exit);
}

}  // namespace lastcall::inline v0
