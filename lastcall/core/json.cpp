#include "lastcall/core/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "lastcall/core/utf8.hpp"

namespace lastcall::inline v0 {
namespace {

/// Bytes that stand for themselves: ASCII without control characters, the quotation mark and the backslash.
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) table[byte] = byte != '"' && byte != '\\';
  return table;
}();

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

json_writer& json_writer::begin(char bracket, bool one_line) {
  before_value();
  out_ += bracket;
  levels_.push_back({bracket == '{' ? '}' : ']', true, indented_});
  indented_ = indented_ && !one_line;
  return *this;
}

json_writer& json_writer::end(char bracket) {
  assert(!levels_.empty() && levels_.back().closing == bracket && !after_key_);
  const level ended = levels_.back();
  levels_.pop_back();
  if (!ended.empty) line_break();
  indented_ = ended.indented;
  out_ += bracket;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  assert(!levels_.empty() && levels_.back().closing == '}' && !after_key_);
  begin_element();
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

template <class N> json_writer& json_writer::number(N of) {
  std::array<char, 32> text;
  return raw({text.data(), std::to_chars(text.data(), text.data() + text.size(), of).ptr});
}

json_writer& json_writer::value(double of) { return std::isfinite(of) ? number(of) : null(); }
template json_writer& json_writer::number(std::int64_t);
template json_writer& json_writer::number(std::uint64_t);

json_writer& json_writer::raw(std::string_view json) {
  before_value();
  out_ += json;
  return *this;
}

void json_writer::before_value() {
  if (std::exchange(after_key_, false) || levels_.empty()) return;
  assert(levels_.back().closing == ']');
  begin_element();
}

void json_writer::begin_element() {
  if (!std::exchange(levels_.back().empty, false)) out_ += ',';
  line_break();
}

void json_writer::line_break() {
  if (indented_) out_.append("\n").append(2 * levels_.size(), ' ');
}

void json_writer::quote(std::string_view text) {
  out_ += '"';
  while (!text.empty()) {
    const auto odd = std::ranges::find_if(text, [](char c) { return !plain[static_cast<unsigned char>(c)]; });
    out_.append(text.begin(), odd);
    text = {odd, text.end()};
    if (!text.empty()) escape(text);
  }
  out_ += '"';
}

/// The first character, which does not stand for itself.
void json_writer::escape(std::string_view& text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(text.front());
  std::size_t taken = 1;
  if (const std::size_t at = std::string_view("\"\\\n\r\t").find(text.front()); at != text.npos) {
    out_ += '\\';
    out_ += "\"\\nrt"[at];
  } else if (byte < 0x20) {
    out_ += "\\u00";
    out_ += hex[byte >> 4];
    out_ += hex[byte & 15];
  } else if (const std::size_t valid = detail::utf8_length(text); valid > 0) {
    out_ += text.substr(0, valid);
    taken = valid;
  } else {
    out_ += replacement;
  }
  text.remove_prefix(taken);
}

}  // namespace lastcall::inline v0
