// The text of an exception of any type, for a log line or a report.
#pragma once

#include <exception>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// What `what()` returns. Of something that is not a std::exception: a sentence that says so. `thrown` is not empty.
std::string to_text(const std::exception_ptr& thrown);

}  // namespace lastcall::inline v0
