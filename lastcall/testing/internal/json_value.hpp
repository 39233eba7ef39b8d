// Reads JSON into a tree, for tests that look at what a program left. Strict; not fast, and writes nothing
// (core/json.hpp).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::testing {

/// Source: RFC 8259. Threads: reads from any.
class json_value {
 public:
  enum class kind : unsigned char { null, boolean, number, text, array, object };

  /// Null.
  json_value() = default;
  /// Errors: std::invalid_argument, which names the place, for anything that is not one whole value, for more than 256
  /// levels, and for two members of one name.
  static json_value parse(std::string_view json);

  kind is() const noexcept { return kind_; }
  bool null() const noexcept { return kind_ == kind::null; }

  /// Errors: std::out_of_range, all of them, when it is of another kind.
  bool boolean() const;
  double number() const;
  const std::string& text() const;

  /// Elements or members; 0 for everything else.
  std::size_t size() const noexcept { return members_.size(); }
  /// The nth element or member.
  const json_value& operator[](std::size_t index) const;
  /// The member of that name; a null when there is none.
  const json_value& operator[](std::string_view name) const noexcept;
  /// In the order in which they came. Elements of an array have empty names.
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
