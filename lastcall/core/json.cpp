#include "lastcall/core/json.hpp"

#include <array>
#include <cassert>
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

std::size_t plain_length(std::string_view text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && plain[static_cast<unsigned char>(text[length])]) ++length;
  return length;
}

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

/// Small pieces on their way into the text, which then grows once for all of them: a report of many components has a
/// hundred thousand.
class json_writer::pieces {
 public:
  explicit pieces(std::string& out) noexcept : out_(out) {}
  ~pieces() { flush(); }
  pieces(const pieces&) = delete;
  pieces& operator=(const pieces&) = delete;

  void add(char one) {
    if (size_ == text_.size()) flush();
    text_[size_++] = one;
  }
  void add(std::string_view some) {
    if (some.size() > text_.size() - size_) {
      flush();
      if (some.size() > text_.size()) {
        out_.append(some);
        return;
      }
    }
    if (some.empty()) return;  // and may have no address
    std::memcpy(text_.data() + size_, some.data(), some.size());
    size_ += some.size();
  }
  void add_spaces(std::size_t count) {
    for (; count > text_.size() - size_; flush()) {
      const std::size_t some = text_.size() - size_;
      std::memset(text_.data() + size_, ' ', some);
      size_ += some;
      count -= some;
    }
    std::memset(text_.data() + size_, ' ', count);
    size_ += count;
  }
  template <class N> void add_number(N number) {
    constexpr std::size_t most = 32;
    if (most > text_.size() - size_) flush();
    char* const to = text_.data() + size_;
    size_ += static_cast<std::size_t>(std::to_chars(to, to + most, number).ptr - to);
  }

 private:
  void flush() {
    out_.append(text_.data(), size_);
    size_ = 0;
  }

  std::string& out_;
  std::size_t size_ = 0;
  std::array<char, 128> text_;
};

json_writer& json_writer::begin(char bracket) {
  pieces to(out_);
  before_value(to);
  to.add(bracket);
  levels_.push_back({bracket == '{' ? '}' : ']', true});
  return *this;
}

json_writer& json_writer::end(char bracket) {
  assert(!levels_.empty() && levels_.back().closing == bracket && !after_key_);
  pieces to(out_);
  const bool empty = levels_.back().empty;
  levels_.pop_back();
  if (!empty) line_break(to);
  to.add(bracket);
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  assert(!levels_.empty() && levels_.back().closing == '}' && !after_key_);
  pieces to(out_);
  if (!levels_.back().empty) to.add(',');
  levels_.back().empty = false;
  line_break(to);
  quote(name, to);
  to.add(indented_ ? std::string_view(": ") : std::string_view(":"));
  after_key_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) {
  pieces to(out_);
  before_value(to);
  quote(text, to);
  return *this;
}

json_writer& json_writer::value(double number) {
  if (!std::isfinite(number)) return null();
  pieces to(out_);
  before_value(to);
  to.add_number(number);
  return *this;
}

json_writer& json_writer::signed_number(std::int64_t number) {
  pieces to(out_);
  before_value(to);
  to.add_number(number);
  return *this;
}

json_writer& json_writer::unsigned_number(std::uint64_t number) {
  pieces to(out_);
  before_value(to);
  to.add_number(number);
  return *this;
}

json_writer& json_writer::raw(std::string_view json) {
  pieces to(out_);
  before_value(to);
  to.add(json);
  return *this;
}

void json_writer::before_value(pieces& to) {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  assert(levels_.back().closing == ']');
  if (!levels_.back().empty) to.add(',');
  levels_.back().empty = false;
  line_break(to);
}

void json_writer::line_break(pieces& to) const {
  if (!indented_) return;
  to.add('\n');
  to.add_spaces(2 * levels_.size());
}

void json_writer::quote(std::string_view text, pieces& to) {
  constexpr std::string_view hex = "0123456789abcdef";
  to.add('"');
  for (;;) {
    const std::size_t length = plain_length(text);
    to.add(text.substr(0, length));
    text.remove_prefix(length);
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t taken = 1;
    if (byte == '"' || byte == '\\') {
      to.add('\\');
      to.add(text.front());
    } else if (byte == '\n') {
      to.add("\\n");
    } else if (byte == '\r') {
      to.add("\\r");
    } else if (byte == '\t') {
      to.add("\\t");
    } else if (byte < 0x20) {
      to.add("\\u00");
      to.add(hex[byte >> 4]);
      to.add(hex[byte & 15]);
    } else if (const std::size_t valid = detail::utf8_length(text); valid > 0) {
      to.add(text.substr(0, valid));
      taken = valid;
    } else {
      to.add(replacement);
    }
    text.remove_prefix(taken);
  }
  to.add('"');
}

}  // namespace lastcall::inline v0
