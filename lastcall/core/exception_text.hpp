// The text of an exception of any type, for a log line or a report.
#pragma once

#include <exception>
#include <string>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// What `what()` returns. Of something that is not a std::exception: a sentence that says so. `thrown` is not empty.
inline std::string to_text(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace lastcall::inline v0
