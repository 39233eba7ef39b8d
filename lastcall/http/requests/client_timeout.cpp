#include "lastcall/http/requests/client_timeout.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/parse_number.hpp"

namespace lastcall::inline v0::http::detail {

namespace {

constexpr std::size_t most_digits = 8;  // gRPC's

std::optional<duration> unit_of(std::string_view text) noexcept {
  if (text.empty()) return std::chrono::milliseconds(1);
  if (text.size() > 1) return std::nullopt;
  switch (text.front()) {
    case 'H':
      return std::chrono::hours(1);
    case 'M':
      return std::chrono::minutes(1);
    case 'S':
      return std::chrono::seconds(1);
    case 'm':
      return std::chrono::milliseconds(1);
    case 'u':
      return std::chrono::microseconds(1);
    case 'n':
      return std::chrono::nanoseconds(1);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<duration> parse_timeout(std::string_view text) noexcept {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<duration> unit = unit_of(text.substr(digits));
  if (digits == 0 || digits > most_digits || !unit) return std::nullopt;
  const duration::rep number = lastcall::detail::parse_number<std::uint32_t>(text.substr(0, digits)).value_or(0);
  if (number == 0) return std::nullopt;
  return *unit * std::min(number, deadline::longest / *unit);
}

}  // namespace lastcall::inline v0::http::detail
