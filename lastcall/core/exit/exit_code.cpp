#include "lastcall/core/exit/exit_code.hpp"

#include <array>

namespace lastcall::inline v0 {

outcome final_outcome(outcome of_components, shutdown_failures failures) noexcept {
  if (failures.of_start) return outcome::failed;
  if (failures.of_component && of_components == outcome::graceful) return outcome::failed;
  return of_components;
}

int exit_code_of(outcome how) noexcept {
  using namespace exit_codes;
  constexpr std::array<int, detail::enum_count<outcome>()> by_outcome{drained, forced, hung, failed};
  return by_outcome[static_cast<std::size_t>(how)];
}

}  // namespace lastcall::inline v0
