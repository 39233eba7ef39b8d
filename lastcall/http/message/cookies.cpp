#include "lastcall/http/message/cookies.hpp"

#include <algorithm>
#include <stdexcept>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/response.hpp"

namespace lastcall::inline v0::http {
namespace {

bool is_cookie_octet(char c) noexcept { return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\'; }
bool is_attribute(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != ';'; });
}

}  // namespace

std::optional<std::string_view> cookie(const request& r, std::string_view name) noexcept {
  for (const header_field field : r.headers()) {
    if (!detail::equal_ignoring_case(field.name, "Cookie")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const auto pair = detail::trimmed(rest.substr(0, rest.find(';')));
      rest.remove_prefix(std::min(rest.size(), rest.find(';') == rest.npos ? rest.size() : rest.find(';') + 1));
      const auto equals = pair.find('=');
      if (equals != pair.npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

response& set_cookie(response& r, std::string_view name, std::string_view value, const cookie_options& o) {
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument("cookie \"" + std::string(name) + "\": " + why);
  };
  if (!detail::is_token(name)) refuse("the name is no token");
  if (!std::ranges::all_of(value, is_cookie_octet))
    refuse("its value has a byte that no cookie may have; encode it, as in base64url");
  if (!is_attribute(o.path)) refuse("its path has a semicolon or a control character");
  if (!is_attribute(o.domain)) refuse("its domain has a semicolon or a control character");
  if (o.same_site == same_site::none && !o.secure) refuse("same_site none needs secure: browsers drop it otherwise");
  std::string line;
  line.append(name).append("=").append(value);
  if (!o.path.empty()) line.append("; Path=").append(o.path);
  if (!o.domain.empty()) line.append("; Domain=").append(o.domain);
  if (o.max_age) line.append("; Max-Age=").append(std::to_string(std::max<long long>(o.max_age->count(), 0)));
  if (o.secure) line.append("; Secure");
  if (o.http_only) line.append("; HttpOnly");
  constexpr std::string_view sites[] = {"Strict", "Lax", "None"};
  line.append("; SameSite=").append(sites[static_cast<std::size_t>(o.same_site)]);
  return r.add_header("Set-Cookie", line);
}

}  // namespace lastcall::inline v0::http
