#include "lastcall/core/app/budget_check.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0 {

void check_budget(const settings& config, const lifecycle& life, const logger& log) {
  const duration room = config.grace - config.reserve - config.readiness_delay;
  const auto arithmetic = [&](const std::pair<std::string, duration>& chain) {
    return chain.first + " = " + to_text(chain.second) + ", and grace " + to_text(config.grace) +
           " (LASTCALL_GRACE) - reserve " + to_text(config.reserve) + " (LASTCALL_RESERVE) - readiness delay " +
           to_text(config.readiness_delay) + " (LASTCALL_READINESS_DELAY) leaves " + to_text(room);
  };
  if (const auto least = life.longest_minimum_chain(); least.second > room) {
    throw std::invalid_argument("app: the components need at least " + arithmetic(least) +
                                " to drain in; raise the grace period or shorten what they take");
  }
  if (const auto typical = life.longest_typical_chain(); typical.second > room)
    log.warning("app", "the components typically need more time than there is", {{"arithmetic", arithmetic(typical)}});
}

}  // namespace lastcall::inline v0
