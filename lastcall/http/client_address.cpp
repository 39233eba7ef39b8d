#include "lastcall/http/client_address.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>

#include "lastcall/http/detail/ascii.hpp"
#include "lastcall/http/detail/request_access.hpp"
#include "lastcall/http/request.hpp"

namespace lastcall::inline v0::http {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class N> std::optional<N> number(std::string_view text) noexcept {
  N value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"; empty for all else.
std::optional<net::endpoint> parse_node(std::string_view text) {
  std::string_view address = text, port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) return std::nullopt;
    address = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (address.find(':') == address.npos || (!port.empty() && port.front() != ':')) return std::nullopt;
  } else if (const auto colon = text.find(':'); colon != text.npos && colon == text.rfind(':')) {
    address = text.substr(0, colon);
    port = text.substr(colon);
  }
  std::uint16_t at = 0;
  if (!port.empty()) {
    const auto given = number<std::uint16_t>(port.substr(1));
    if (!given) return std::nullopt;
    at = *given;
  }
  // No interface and no path: neither means anything on another machine.
  if (address.find('%') != address.npos || address.starts_with("unix:")) return std::nullopt;
  const auto parsed = net::parse_address(address, at);
  if (!parsed) return std::nullopt;
  return parsed->unmapped();
}

/// Takes the part behind the last `separator` that is not quoted off `text`. Empty for quotes that do not match.
std::optional<std::string_view> take_last(std::string_view& text, char separator) noexcept {
  std::size_t cut = text.npos;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == separator && !quoted) {
      cut = i;
    }
  }
  if (quoted) return std::nullopt;
  const std::string_view last = text.substr(cut == text.npos ? 0 : cut + 1);
  text = cut == text.npos ? std::string_view() : text.substr(0, cut);
  return last;
}

/// The node of `for=`, of which there must be one.
std::optional<net::endpoint> parse_forwarded(std::string_view element) {
  std::optional<net::endpoint> found;
  while (!element.empty()) {
    const auto pair = take_last(element, ';');
    if (!pair) return std::nullopt;
    const std::string_view text = trimmed(*pair);
    const auto equals = text.find('=');
    if (equals == text.npos || !detail::is_token(text.substr(0, equals))) return std::nullopt;
    if (!detail::equal_ignoring_case(text.substr(0, equals), "for")) continue;
    std::string_view value = text.substr(equals + 1);
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    if (quoted) value = value.substr(1, value.size() - 2);
    if (found || (!quoted && !detail::is_token(value))) return std::nullopt;
    found = parse_node(value);
    if (!found) return std::nullopt;
  }
  return found;
}

}  // namespace

net::endpoint client_address(const request& r, const trusted_networks& trusted, forwarded_header header) {
  const net::endpoint* remote = detail::request_access::remote(r);
  net::endpoint current = remote ? remote->unmapped() : net::endpoint();
  const bool plain = header == forwarded_header::x_forwarded_for;
  std::string all;  // several headers of a name are one list: RFC 9110 section 5.3
  for (const header_field& field : r.headers()) {
    if (!detail::equal_ignoring_case(field.name, plain ? "x-forwarded-for" : "forwarded")) continue;
    all.append(all.empty() ? "" : ",").append(field.value);
  }
  for (std::string_view rest = all; !rest.empty() && trusted.contains(current);) {
    const auto last = take_last(rest, ',');
    const auto before = !last ? std::nullopt : plain ? parse_node(trimmed(*last)) : parse_forwarded(trimmed(*last));
    if (!before) break;
    current = *before;
  }
  return current;
}

}  // namespace lastcall::inline v0::http
