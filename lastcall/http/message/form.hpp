// Fields of forms and queries: "name=value&name=value", as browsers write them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http {

class request;

/// Decoded: "+" is a space, a "%" without two hexadecimal digits stays as it is. "a" and "a=" both have an empty value.
struct form_field {
  std::string name;
  std::string value;
};

/// In the order as sent. Names may occur several times. Not bounded but by its input.
/// Source: WHATWG URL, application/x-www-form-urlencoded parsing.
std::vector<form_field> parse_form(std::string_view encoded);

/// The body of a form. Empty: its Content-Type is not application/x-www-form-urlencoded (a multipart form is not
/// understood either).
std::optional<std::vector<form_field>> form_of(const request& r);

/// The first value of that name, which lives as long as `fields`. Empty without one.
std::optional<std::string_view> value_of(std::span<const form_field> fields, std::string_view name) noexcept;

}  // namespace lastcall::inline v0::http
