#include "lastcall/http/message/client_address.hpp"

#include <optional>
#include <string_view>
#include <vector>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/request_access.hpp"

namespace lastcall::inline v0::http {
namespace {

using detail::equal_ignoring_case;
using detail::is_token;
using detail::trimmed;

/// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"; empty for all else.
std::optional<net::endpoint> parse_node(std::string_view text) {
  // No interface and no path: neither means anything on another machine.
  if (text.find('%') != text.npos || text.starts_with("unix:")) return std::nullopt;
  auto parsed = net::parse_address(text, 0);
  if (!parsed) parsed = net::parse_endpoint(text);
  return parsed ? std::optional(parsed->unmapped()) : std::nullopt;
}

/// Whether a backslash stands before `at` that is none's own.
bool escaped(std::string_view text, std::size_t at) noexcept {
  std::size_t before = at;
  while (before > 0 && text[before - 1] == '\\') --before;
  return (at - before) % 2 == 1;
}

/// Takes the part behind the last `separator` that is not quoted off `text`. Empty for quotes that do not match.
/// From the right: what stands left of a proxy's entry is its client's, and must not change how the entry is read.
std::optional<std::string_view> take_last(std::string_view& text, char separator) noexcept {
  std::size_t from = text.size();
  bool quoted = false;
  for (; from > 0 && (quoted || text[from - 1] != separator); --from) {
    if (text[from - 1] == '"' && !(quoted && escaped(text, from - 1))) quoted = !quoted;
  }
  if (quoted) return std::nullopt;
  const std::string_view last = text.substr(from);
  text = text.substr(0, from == 0 ? 0 : from - 1);
  return last;
}

/// The same where quotes mean nothing.
std::string_view take_last_plain(std::string_view& text) noexcept {
  const auto comma = text.rfind(',');
  const std::string_view last = text.substr(comma + 1);  // npos + 1 is 0
  text = text.substr(0, comma == text.npos ? 0 : comma);
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
    if (equals == text.npos || !is_token(text.substr(0, equals))) return std::nullopt;
    if (!equal_ignoring_case(text.substr(0, equals), "for")) continue;
    std::string_view value = text.substr(equals + 1);
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    if (quoted) value = value.substr(1, value.size() - 2);
    if (found || (!quoted && !is_token(value))) return std::nullopt;
    found = parse_node(value);
    if (!found) return std::nullopt;
  }
  return found;
}

/// The node of the last entry, which is taken off `list`.
std::optional<net::endpoint> take_node(std::string_view& list, forwarded_header header) {
  if (header == forwarded_header::x_forwarded_for) return parse_node(trimmed(take_last_plain(list)));
  const auto last = take_last(list, ',');
  return last ? parse_forwarded(trimmed(*last)) : std::nullopt;
}

}  // namespace

net::endpoint client_address(const request& r, const trusted_networks& trusted, forwarded_header header) {
  const net::endpoint* remote = detail::request_access::remote(r);
  net::endpoint current = remote ? remote->unmapped() : net::endpoint();
  const std::string_view name = header == forwarded_header::x_forwarded_for ? "x-forwarded-for" : "forwarded";
  // Several headers of a name are one list (RFC 9110 section 5.3), but no quotes of one reach into the next.
  std::vector<std::string_view> lists;
  for (const header_field& field : r.headers())
    if (equal_ignoring_case(field.name, name)) lists.push_back(field.value);
  for (; !lists.empty(); lists.pop_back()) {
    std::string_view rest = lists.back();
    do {
      if (!trusted.contains(current)) return current;
      const auto before = take_node(rest, header);
      if (!before) return current;
      current = *before;
    } while (!rest.empty());
  }
  return current;
}

}  // namespace lastcall::inline v0::http
