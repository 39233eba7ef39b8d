// What names in HTTP are made of: methods, names of fields.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// Source: RFC 9110 section 5.6.2.
inline bool is_token(std::string_view text) {
  constexpr std::string_view chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
  return !text.empty() && text.find_first_not_of(chars) == text.npos;
}

}  // namespace lastcall::inline v0::testing
