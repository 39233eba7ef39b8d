#include "lastcall/core/report/version.hpp"

#define LASTCALL_TEXT(number) #number
#define LASTCALL_DOTTED(major, minor, patch) LASTCALL_TEXT(major) "." LASTCALL_TEXT(minor) "." LASTCALL_TEXT(patch)

namespace lastcall::inline v0 {

std::string_view version() noexcept {
  return LASTCALL_DOTTED(LASTCALL_VERSION_MAJOR, LASTCALL_VERSION_MINOR, LASTCALL_VERSION_PATCH);
}

}  // namespace lastcall::inline v0
