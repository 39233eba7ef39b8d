// Checks paths as they are sent, and decodes their percent-encoded segments. Not for queries.
#pragma once

#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

/// Begins with "/"; each "%" has two hexadecimal digits; no NUL; and no "." or ".." between slashes, where an encoded
/// dot is a dot and an encoded slash is a slash: nothing decoded from a sound path climbs out of a directory.
bool is_sound_path(std::string_view path) noexcept;

/// Appends `raw`, decoded. Each "%" in `raw` has its digits.
void append_decoded(std::string& out, std::string_view raw);

}  // namespace lastcall::inline v0::http::detail
