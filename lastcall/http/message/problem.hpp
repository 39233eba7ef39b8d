// Errors as JSON, in the one form that has a standard.   Source: RFC 9457.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "lastcall/http/message/response.hpp"

namespace lastcall::inline v0::http {

class request;

/// A further member of a problem: its name and a text, a number or a bool; with `json`, an object or a list.
/// Errors: std::invalid_argument for a name of other characters than letters, digits and `_`.
/// Source: RFC 9457 section 3.2.
class problem_member {
 public:
  problem_member(std::string_view name, std::string_view text);
  problem_member(std::string_view name, const char* text) : problem_member(name, std::string_view(text)) {}
  problem_member(std::string_view name, bool fact);
  template <std::integral I>
  problem_member(std::string_view name, I number) : problem_member(json(name, std::to_string(number))) {}
  /// null for infinities and NaN, which JSON does not have.
  problem_member(std::string_view name, double number);
  /// `value` is JSON already, and is not checked.
  static problem_member json(std::string_view name, std::string value);

  const std::string& name() const noexcept { return name_; }
  const std::string& value() const noexcept { return value_; }

 private:
  problem_member() = default;

  std::string name_, value_;
};

/// application/problem+json: {"type":"about:blank","title":"Conflict","status":409,"detail":…}. Without a detail the
/// member is left out. `more` comes behind these; a `type` or `title` takes the place of the usual one.
/// Errors: std::invalid_argument for a status that no response may have; for a `status` or `detail` in `more`, and a
/// name that is there twice.
response problem(int status, std::string_view detail = {}, std::initializer_list<problem_member> more = {});

/// Makes a problem of a response of 400 and above whose body is plain text, which becomes the detail; headers stay.
/// Changes no other. For server_options::own_answers and for `after`.
void problem_json(const request&, response& r);

}  // namespace lastcall::inline v0::http
