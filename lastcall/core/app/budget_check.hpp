// Checks before the start that the times which the components state fit into the grace period.
#pragma once

#include "lastcall/core/app/settings.hpp"
#include "lastcall/core/lifecycle/lifecycle.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0 {

/// Logs a warning when the typical times do not fit. Call it after lifecycle::arrange.
/// Errors: std::invalid_argument with the arithmetic when the minimum times do not fit.
void check_budget(const settings& config, const lifecycle& life, const logger& log);

}  // namespace lastcall::inline v0
