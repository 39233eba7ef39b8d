#include "lastcall/core/json.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

#include "lastcall/core/utf8.hpp"

namespace lastcall::inline v0 {
namespace {

/// Bytes that stand for themselves: ASCII without control characters, the quotation mark and the backslash.
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) table[byte] = byte != '"' && byte != '\\';
  return table;
}();

/// 0 if all eight do.
constexpr std::uint64_t not_plain(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101;
  const auto zeros = [](std::uint64_t of) { return (of - each) & ~of; };  // has a high bit if a byte is zero
  const std::uint64_t controls = (bytes - each * 0x20) & ~bytes;
  return (controls | zeros(bytes ^ each * '"') | zeros(bytes ^ each * '\\') | bytes) & each * 0x80;
}

template <class Word> std::uint64_t copy(char* to, const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  std::memcpy(to, &word, sizeof word);
  return word;
}

/// False: something in it was not plain. The last word may overlap the one before.
bool copy_plain(char* to, std::string_view text) noexcept {
  const char* const from = text.data();
  const std::size_t size = text.size();
  std::uint64_t found = 0;
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) found |= not_plain(copy<std::uint64_t>(to + at, from + at));
    return (found | not_plain(copy<std::uint64_t>(to + size - 8, from + size - 8))) == 0;
  }
  if (size >= 4) {
    const std::uint64_t front = copy<std::uint32_t>(to, from);
    return not_plain(front << 32 | copy<std::uint32_t>(to + size - 4, from + size - 4)) == 0;
  }
  bool all = true;
  for (std::size_t at = 0; at < size; ++at) all &= plain[static_cast<unsigned char>(to[at] = from[at])];
  return all;
}

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

void json_writer::flush() {
  out_.append(piece_.data(), size_);
  size_ = 0;
}

void json_writer::add(std::string_view some) {
  make_room(some.size());
  if (some.size() > piece_.size()) {
    out_.append(some);
    return;
  }
  if (some.empty()) return;  // and may have no address
  std::memcpy(piece_.data() + size_, some.data(), some.size());
  size_ += some.size();
}

json_writer& json_writer::begin(char bracket, bool one_line) {
  before_value();
  add(bracket);
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
  add(bracket);
  return after_value();
}

json_writer& json_writer::key(std::string_view name) {
  assert(!levels_.empty() && levels_.back().closing == '}' && !after_key_);
  comma();
  line_break();
  quote(name);
  add(':');
  if (indented_) add(' ');
  after_key_ = true;
  return *this;
}

json_writer::label::label(std::string_view name) {
  json_writer alone(text_);
  alone.levels_.push_back({'}', true, false});
  alone.key(name);
  alone.flush();
}

json_writer& json_writer::value(std::string_view text) {
  before_value();
  quote(text);
  return after_value();
}

template <class N> json_writer& json_writer::number(N of) {
  before_value();
  constexpr std::size_t most = 32;
  make_room(most);
  char* const to = piece_.data() + size_;
  size_ += static_cast<std::size_t>(std::to_chars(to, to + most, of).ptr - to);
  return after_value();
}

json_writer& json_writer::value(double of) { return std::isfinite(of) ? number(of) : null(); }
template json_writer& json_writer::number(std::int64_t);
template json_writer& json_writer::number(std::uint64_t);

json_writer& json_writer::raw(std::string_view json) {
  before_value();
  add(json);
  return after_value();
}

void json_writer::before_element() {
  if (levels_.empty()) return;
  assert(levels_.back().closing == ']');
  comma();
  line_break();
}

json_writer& json_writer::after_value() {
  if (levels_.empty()) flush();
  return *this;
}

void json_writer::line_break() {
  if (!indented_) return;
  add('\n');
  constexpr std::string_view spaces = "                ";
  std::size_t left = 2 * levels_.size();
  for (; left > spaces.size(); left -= spaces.size()) add(spaces);
  make_room(spaces.size());
  std::memcpy(piece_.data() + size_, spaces.data(), spaces.size());  // of a fixed size, as that is faster
  size_ += left;
}

void json_writer::quote(std::string_view text) {
  add('"');
  if (text.size() < piece_.size()) {
    make_room(text.size());
    if (copy_plain(piece_.data() + size_, text)) {
      size_ += text.size();
      text = {};
    }
  }
  while (!text.empty()) {
    if (plain[static_cast<unsigned char>(text.front())]) {
      add(text.front());
      text.remove_prefix(1);
    } else {
      escape(text);
    }
  }
  add('"');
}

/// The first character, which does not stand for itself.
void json_writer::escape(std::string_view& text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(text.front());
  std::size_t taken = 1;
  if (const std::size_t at = std::string_view("\"\\\n\r\t").find(text.front()); at != text.npos) {
    add('\\');
    add("\"\\nrt"[at]);
  } else if (byte < 0x20) {
    add("\\u00");
    add(hex[byte >> 4]);
    add(hex[byte & 15]);
  } else if (const std::size_t valid = detail::utf8_length(text); valid > 0) {
    add(text.substr(0, valid));
    taken = valid;
  } else {
    add(replacement);
  }
  text.remove_prefix(taken);
}

}  // namespace lastcall::inline v0
