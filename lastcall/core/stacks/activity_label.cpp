#include "lastcall/core/stacks/activity_label.hpp"

#include <algorithm>
#include <cstring>

namespace lastcall::inline v0 {

activity_text activity_text::joined(std::string_view first, std::string_view second, time_point since) noexcept {
  activity_text made;
  made.since = since;
  auto* const bytes = reinterpret_cast<char*>(made.packed.data());
  std::size_t size = 0;
  const auto append = [&](std::string_view text) {
    const std::size_t count = std::min(text.size(), most_bytes - size);
    std::memcpy(bytes + size, text.data(), count);
    size += count;
  };
  if (!first.empty()) append(first);
  if (!first.empty() && !second.empty()) append(" ");
  if (!second.empty()) append(second);
  bytes[most_bytes] = static_cast<char>(size);
  return made;
}

std::string_view activity_text::text() const noexcept {
  const auto* const bytes = reinterpret_cast<const char*>(packed.data());
  return {bytes, static_cast<std::size_t>(bytes[most_bytes])};
}

}  // namespace lastcall::inline v0
