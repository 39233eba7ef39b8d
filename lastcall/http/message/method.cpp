#include "lastcall/http/message/method.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace lastcall::inline v0::http {
namespace {

constexpr std::array<std::string_view, 9> names{"GET",     "HEAD",  "POST",    "PUT",  "DELETE",
                                                "OPTIONS", "PATCH", "CONNECT", "TRACE"};
static_assert(names.size() == static_cast<std::size_t>(method::other));

}  // namespace

method parse_method(std::string_view text) noexcept {
  if (text == "GET") return method::get;  // most are, and this compares without a call
  return static_cast<method>(std::find(names.begin(), names.end(), text) - names.begin());
}

std::string_view to_text(method m) noexcept {
  const auto i = static_cast<std::size_t>(m);
  return i < names.size() ? names[i] : std::string_view{};
}

}  // namespace lastcall::inline v0::http
