#include "lastcall/core/signals/signal_name.hpp"

#include <csignal>
#include <cstring>

namespace lastcall::inline v0 {

std::string signal_name(int number) {
  if (number >= SIGRTMIN && number <= SIGRTMAX) {
    return number == SIGRTMIN ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
  }
  if (const char* name = sigabbrev_np(number)) return std::string("SIG") + name;
  return "signal " + std::to_string(number);
}

std::optional<std::string> why_not_catchable(int number) {
  const auto because = [&](const std::string& reason) { return signal_name(number) + " " + reason; };
  switch (number) {
    case SIGKILL:
      return because(
          "can't be caught: the kernel ends the process without telling it. Use SIGTERM, and keep the grace period "
          "below the "
          "time after which the platform sends SIGKILL (LASTCALL_KILL_AFTER)");
    case SIGSTOP:
      return because("can't be caught: the kernel stops the process without telling it. Use SIGTERM or SIGINT");
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
      return because(
          "reports a fault of the program itself, which would repeat for ever after the handler. Leave it to a crash "
          "handler");
    default:
      break;
  }
  if (number < 1 || number > SIGRTMAX) {
    return because("is none: signals go from 1 to " + std::to_string(SIGRTMAX) + ". Use SIGTERM or SIGINT");
  }
  if (number > SIGSYS && number < SIGRTMIN) return because("belongs to the C library. Use SIGTERM or SIGINT");
  return std::nullopt;
}

}  // namespace lastcall::inline v0
