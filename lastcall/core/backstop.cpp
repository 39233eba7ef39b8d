#include "lastcall/core/backstop.hpp"

#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace lastcall::inline v0 {

struct backstop::state {
  std::mutex mutex;
  std::condition_variable changed;
  time_point when{};
  int code = 0;
  bool over = false;

  void watch() {
    pthread_setname_np(pthread_self(), "lastcall-exit");
    std::unique_lock lock(mutex);
    while (!over) {
      const time_point until = when;
      changed.wait_until(lock, until);
      if (!over && steady().now() >= when) _exit(code);
    }
  }
};

backstop::~backstop() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  state_->over = true;
  state_->changed.notify_all();
}

void backstop::arm(time_point when, int code) noexcept {
  try {
    const bool first = !state_;
    const auto armed = first ? std::make_shared<state>() : state_;
    {
      const std::lock_guard lock(armed->mutex);
      armed->when = when;
      armed->code = code;
      armed->changed.notify_all();
    }
    if (!first) return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);  // the thread inherits it
    try {
      std::thread([armed] { armed->watch(); }).detach();
      state_ = armed;
    } catch (...) {}
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  } catch (...) {}
}

}  // namespace lastcall::inline v0
