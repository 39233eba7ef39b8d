// Parses JSON into a tree, for tests that read a program's output. Strict, not fast. core/json.hpp writes JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// Source: RFC 8259. Threads: any, for const members.
class json_value {
 public:
  enum class kind : unsigned char { null, boolean, number, text, array, object };

  /// Null.
  json_value() = default;
  /// Errors: std::invalid_argument with the place, for anything but one complete value, for more than 256 levels, and
  /// for two members with one name.
  static json_value parse(std::string_view json);

  kind is() const noexcept { return kind_; }
  bool null() const noexcept { return kind_ == kind::null; }

  /// Errors: std::out_of_range when it is of another kind; the same for the next two.
  bool boolean() const;
  double number() const;
  const std::string& text() const;

  /// The number of elements or members; 0 for other kinds.
  std::size_t size() const noexcept { return members_.size(); }
  /// The nth element or member.
  const json_value& operator[](std::size_t index) const;
  /// The member with that name; null if there is none.
  const json_value& operator[](std::string_view name) const noexcept;
  /// In the order of the text. Elements of an array have empty names.
  const std::vector<std::pair<std::string, json_value>>& members() const noexcept { return members_; }

 private:
  friend class json_reader;

  kind kind_ = kind::null;
  bool boolean_ = false;
  double number_ = 0;
  std::string text_;
  std::vector<std::pair<std::string, json_value>> members_;
};

}  // namespace lastcall::inline v0::testing
