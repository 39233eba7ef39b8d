#include "lastcall/core/exit/exit_code.hpp"

namespace lastcall::inline v0 {

outcome final_outcome(outcome of_components, shutdown_failures failures) noexcept {
  if (failures.of_start) return outcome::failed;
  if (failures.of_component && of_components == outcome::graceful) return outcome::failed;
  return of_components;
}

int exit_code_of(outcome how) noexcept {
  switch (how) {
    case outcome::forced:
      return exit_codes::forced;
    case outcome::hung:
      return exit_codes::hung;
    case outcome::failed:
      return exit_codes::failed;
    case outcome::graceful:
      break;
  }
  return exit_codes::drained;
}

}  // namespace lastcall::inline v0
