// The version: of these headers as macros, of the library that is linked as text. CMake reads it from here.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

#define LASTCALL_VERSION_MAJOR 0
#define LASTCALL_VERSION_MINOR 1
#define LASTCALL_VERSION_PATCH 0

/// One number to compare: 1.2.3 is 10203.
#define LASTCALL_VERSION (LASTCALL_VERSION_MAJOR * 10000 + LASTCALL_VERSION_MINOR * 100 + LASTCALL_VERSION_PATCH)

namespace lastcall::inline v0 {

/// The version of the library that the program runs with, such as "1.2.3". A shared library may be a later patch than
/// the headers that the program was compiled with.
std::string_view version() noexcept;

}  // namespace lastcall::inline v0
