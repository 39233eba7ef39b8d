// A report as a program left it, back in the shape in which it was written (docs/report.md).
#pragma once

#include <string_view>

#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0::testing {

/// Also reads the short one that the watch leaves: then `components` are only those that hang. Ignores what it does not
/// know, since fields are only added, and leaves out what is missing.   Errors: std::invalid_argument when it is not
/// JSON, no object, of another schema, or says a result that there is not.
report read_report(std::string_view json);

}  // namespace lastcall::inline v0::testing
