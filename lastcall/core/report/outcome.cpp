#include "lastcall/core/report/outcome.hpp"

namespace lastcall::inline v0 {

std::string_view to_text(outcome how) noexcept {
  switch (how) {
    case outcome::forced:
      return "forced";
    case outcome::hung:
      return "hung";
    case outcome::failed:
      return "failed";
    case outcome::graceful:
      break;
  }
  return "drained";
}

}  // namespace lastcall::inline v0
