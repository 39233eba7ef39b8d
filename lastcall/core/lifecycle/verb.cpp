#include "lastcall/core/lifecycle/verb.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace lastcall::inline v0 {
namespace {

int thread_number() noexcept {
  static thread_local const int mine = static_cast<int>(syscall(SYS_gettid));
  return mine;
}

}  // namespace

std::string_view to_text(verb v) noexcept {
  switch (v) {
    case verb::start:
      return "start";
    case verb::announce:
      return "announce";
    case verb::drain:
      return "drain";
    case verb::force:
      return "force";
    case verb::stop:
      return "stop";
    case verb::account:
      return "account";
    case verb::destroy:
      return "destroy";
    case verb::in_progress:
      return "in_progress";
    case verb::none:
      break;
  }
  return "none";
}

void verb_position::enter(verb in, time_point now) noexcept {
  since_.store(now, std::memory_order_relaxed);
  thread_.store(thread_number(), std::memory_order_relaxed);
  in_.store(in, std::memory_order_release);
}

verb_place verb_position::at() const noexcept {
  verb_place seen;
  seen.in = in_.load(std::memory_order_acquire);
  if (seen.in == verb::none) return seen;
  seen.since = since_.load(std::memory_order_relaxed);
  seen.thread = thread_.load(std::memory_order_relaxed);
  return seen;
}

}  // namespace lastcall::inline v0
