#include "lastcall/core/exception_text.hpp"

namespace lastcall::inline v0 {

std::string to_text(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace lastcall::inline v0
