#include "lastcall/http/message/method.hpp"

#include <array>
#include <cstddef>

namespace lastcall::inline v0::http {
namespace {

constexpr std::array<std::string_view, 9> names{"GET",     "HEAD",  "POST",    "PUT",  "DELETE",
                                                "OPTIONS", "PATCH", "CONNECT", "TRACE"};

}  // namespace

method parse_method(std::string_view text) noexcept {
  if (text == "GET") return method::get;  // most are, and this compares without a call
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<method>(i);
  }
  return method::other;
}

std::string_view to_text(method m) noexcept {
  const auto i = static_cast<std::size_t>(m);
  return i < names.size() ? names[i] : std::string_view{};
}

}  // namespace lastcall::inline v0::http
