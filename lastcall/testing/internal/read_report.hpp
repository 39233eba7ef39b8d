// Parses the report file of a program (docs/report.md).
#pragma once

#include <string_view>

#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0::testing {

/// Also for the short report of the watchdog, whose `components` are only those that hang. Ignores unknown fields,
/// since later versions add some; missing ones keep their defaults. Errors: std::invalid_argument when it is not a JSON
/// object, or has another schema or an unknown result.
report read_report(std::string_view json);

}  // namespace lastcall::inline v0::testing
