#include "lastcall/core/process/exit_status.hpp"

#include <cstring>

namespace lastcall::inline v0 {

std::string to_text(const exit_status& status) {
  if (status.signal != 0) return "signal " + std::to_string(status.signal) + " (" + ::strsignal(status.signal) + ")";
  if (status.code < 0) return "unknown";
  return "exit " + std::to_string(status.code);
}

}  // namespace lastcall::inline v0
