// Writes JSON into a string, front to back. Does not parse, and keeps no tree.
#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Adds commas, escapes and, if wanted, line breaks. The output is always valid UTF-8: invalid bytes become U+FFFD. The
/// caller must keep the order of calls: a key before each value of an object, an end for each begin (asserted in debug
/// builds).   Source: RFC 8259.
class json_writer {
 public:
  enum class layout : unsigned char { compact, indented };

  /// Appends to `out`, which must outlive it. Indents by two spaces.
  explicit json_writer(std::string& out, layout looks = layout::compact)
      : out_(out), indented_(looks == layout::indented) {}
  json_writer& operator=(json_writer&&) = delete;

  json_writer& begin_object() { return begin('{'); }
  /// An object on one line, in any layout.
  json_writer& begin_object_on_one_line() { return begin('{', true); }
  json_writer& end_object() { return end('}'); }
  json_writer& begin_array() { return begin('['); }
  json_writer& end_array() { return end(']'); }

  json_writer& key(std::string_view name);
  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(bool fact) { return raw(fact ? std::string_view("true") : std::string_view("false")); }
  /// The shortest form that reads back as the same number; null for infinities and NaN, which JSON does not have.
  json_writer& value(double of);
  template <std::integral I> json_writer& value(I of) {
    return number(static_cast<std::conditional_t<std::signed_integral<I>, std::int64_t, std::uint64_t>>(of));
  }
  json_writer& null() { return raw("null"); }
  /// Adds text that is valid JSON already.
  json_writer& raw(std::string_view json);

  /// A key and its value.
  template <class V> json_writer& member(std::string_view name, const V& of) { return key(name).value(of); }

 private:
  struct level {
    char closing;
    bool empty;
    bool indented;  // the layout outside of it
  };

  json_writer& begin(char bracket, bool one_line = false);
  json_writer& end(char bracket);
  template <class N> json_writer& number(N of);
  void before_value();
  void begin_element();
  void line_break();
  void quote(std::string_view text);
  void escape(std::string_view& text);

  std::string& out_;
  std::vector<level> levels_;
  bool indented_;
  bool after_key_ = false;
};

}  // namespace lastcall::inline v0
