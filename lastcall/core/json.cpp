#include "lastcall/core/json.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

#include "lastcall/core/utf8.hpp"

namespace lastcall::inline v0 {
namespace {

template <class N> void append_number(std::string& out, N number) {
  std::array<char, 32> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

json_writer& json_writer::begin(char bracket) {
  before_value();
  out_ += bracket;
  levels_.push_back({bracket == '{' ? '}' : ']', true});
  return *this;
}

json_writer& json_writer::end(char bracket) {
  assert(!levels_.empty() && levels_.back().closing == bracket && !after_key_);
  const bool empty = levels_.back().empty;
  levels_.pop_back();
  if (!empty) line_break();
  out_ += bracket;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  assert(!levels_.empty() && levels_.back().closing == '}' && !after_key_);
  if (!levels_.back().empty) out_ += ',';
  levels_.back().empty = false;
  line_break();
  quote(name);
  out_ += indented_ ? ": " : ":";
  after_key_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) {
  before_value();
  quote(text);
  return *this;
}

json_writer& json_writer::value(double number) {
  if (!std::isfinite(number)) return null();
  before_value();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::signed_number(std::int64_t number) {
  before_value();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::unsigned_number(std::uint64_t number) {
  before_value();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::raw(std::string_view json) {
  before_value();
  out_ += json;
  return *this;
}

void json_writer::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  assert(levels_.back().closing == ']');
  if (!levels_.back().empty) out_ += ',';
  levels_.back().empty = false;
  line_break();
}

void json_writer::line_break() {
  if (!indented_) return;
  out_ += '\n';
  out_.append(2 * levels_.size(), ' ');
}

void json_writer::quote(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out_ += '"';
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t length = detail::utf8_length(text);
    if (length == 0) {
      out_ += replacement;
      length = 1;
    } else if (byte == '"' || byte == '\\') {
      out_ += '\\';
      out_ += text.front();
    } else if (byte == '\n') {
      out_ += "\\n";
    } else if (byte == '\r') {
      out_ += "\\r";
    } else if (byte == '\t') {
      out_ += "\\t";
    } else if (byte < 0x20) {
      out_ += "\\u00";
      out_ += hex[byte >> 4];
      out_ += hex[byte & 15];
    } else {
      out_.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out_ += '"';
}

}  // namespace lastcall::inline v0
