// Parses the report file of a program (docs/report.md).
#pragma once

#include <string_view>

#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0::testing {

/// Also for the short report of the watchdog, whose `components` are only those that hang. Ignores unknown fields,
/// since later versions add some; missing ones keep their defaults. Errors: std::invalid_argument, with the offset,
/// when it is not JSON (RFC 8259, 32 levels at most); and when it is no object, or has another schema or an unknown
/// result.
report read_report(std::string_view text);

}  // namespace lastcall::inline v0::testing
