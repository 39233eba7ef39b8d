// Writes JSON into a string, front to back. Does not parse, and keeps no tree.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Puts the commas, the escapes and, if wanted, the line breaks. Always valid UTF-8: bytes that are not become U+FFFD.
/// The order of calls is the caller's duty (asserted in debug builds): a key before each value of an object, an end for
/// each begin. Source: RFC 8259.
class json_writer {
 public:
  enum class layout : unsigned char { compact, indented };

  /// Appends to `out`, which must outlive it. Indented means by two spaces.
  explicit json_writer(std::string& out, layout looks = layout::compact)
      : out_(out), indented_(looks == layout::indented) {}
  json_writer(const json_writer&) = delete;
  json_writer& operator=(const json_writer&) = delete;

  json_writer& begin_object() { return begin('{'); }
  json_writer& end_object() { return end('}'); }
  json_writer& begin_array() { return begin('['); }
  json_writer& end_array() { return end(']'); }

  json_writer& key(std::string_view name);
  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(bool fact) { return raw(fact ? "true" : "false"); }
  /// The shortest form that reads back as the same number; null for infinities and NaN, which JSON does not have.
  json_writer& value(double number);
  template <std::integral I> json_writer& value(I number) {
    if constexpr (std::signed_integral<I>) {
      return signed_number(number);
    } else {
      return unsigned_number(number);
    }
  }
  json_writer& null() { return raw("null"); }
  /// A value that is JSON already.
  json_writer& raw(std::string_view json);

  /// A key and its value.
  template <class V> json_writer& member(std::string_view name, const V& of) { return key(name).value(of); }

 private:
  class pieces;
  struct level {
    char closing;
    bool empty;
  };

  json_writer& begin(char bracket);
  json_writer& end(char bracket);
  json_writer& signed_number(std::int64_t number);
  json_writer& unsigned_number(std::uint64_t number);
  void before_value(pieces& to);
  void line_break(pieces& to) const;
  static void quote(std::string_view text, pieces& to);

  std::string& out_;
  std::vector<level> levels_;
  bool indented_;
  bool after_key_ = false;
};

}  // namespace lastcall::inline v0
