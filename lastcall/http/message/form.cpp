#include "lastcall/http/message/form.hpp"

#include <algorithm>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/form_text.hpp"
#include "lastcall/http/message/request.hpp"

namespace lastcall::inline v0::http {

std::vector<form_field> parse_form(std::string_view encoded) {
  std::vector<form_field> all;
  detail::each_form_pair(encoded, [&](std::string_view name, std::string_view value) {
    all.push_back({.name = detail::decode_form(name), .value = detail::decode_form(value)});
    return true;
  });
  return all;
}

std::optional<std::vector<form_field>> form_of(const request& r) {
  const std::string_view type = r.header("Content-Type");
  if (!detail::equal_ignoring_case(detail::trimmed(type.substr(0, type.find(';'))),
                                   "application/x-www-form-urlencoded"))
    return std::nullopt;
  return parse_form(r.body());
}

std::optional<std::string_view> value_of(std::span<const form_field> fields, std::string_view name) noexcept {
  const auto found = std::ranges::find(fields, name, &form_field::name);
  return found == fields.end() ? std::nullopt : std::optional<std::string_view>(found->value);
}

}  // namespace lastcall::inline v0::http
