#include "lastcall/core/exit/backstop.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "lastcall/core/exit/try_write_stderr.hpp"
#include "lastcall/core/late_wake.hpp"
#include "lastcall/core/threads/own_thread.hpp"
#include "lastcall/core/threads/signal_mask.hpp"

namespace lastcall::inline v0 {

// Longer than the moment of the watchdog, whose words come first.
constexpr duration moment = further_moment + std::chrono::milliseconds(30);

struct backstop::state {
  std::mutex mutex;
  std::condition_variable changed;
  time_point when{};
  int code = 0;
  std::string_view last_words;
  bool over = false;
  late_wakes late{2 * late_wakes_of_a_guard, lateness_of_a_guard};  // the watchdog comes first

  void watch() {
    pthread_setname_np(pthread_self(), "lastcall-exit");
    std::unique_lock lock(mutex);
    while (!over) {
      const time_point until = when;
      changed.wait_until(lock, until);
      const time_point now = steady().now();
      if (over || now < when) continue;
      if (const auto wait_on = late.further_wait(when, now, moment)) {
        when = *wait_on;
        continue;
      }
      if (!last_words.empty()) try_write_stderr(last_words);
      _exit(code);
    }
  }
};

backstop::~backstop() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  state_->over = true;
  state_->changed.notify_all();
}

void backstop::arm(time_point when, int code, std::string_view last_words) noexcept {
  try {
    const bool first = !state_;
    const auto armed = first ? std::make_shared<state>() : state_;
    {
      const std::lock_guard lock(armed->mutex);
      armed->when = std::max(when, steady().now());  // so that a late wake can be told
      armed->code = code;
      armed->last_words = last_words;
      armed->changed.notify_all();
    }
    if (!first) return;
    const detail::no_signals_of_others for_the_thread;
    detail::own_thread([armed] { armed->watch(); }).detach();
    state_ = armed;
  } catch (const std::exception&) {}
}

}  // namespace lastcall::inline v0
