#include "lastcall/testing/internal/json_value.hpp"

#include <charconv>
#include <stdexcept>

namespace lastcall::inline v0::testing {

class json_reader {
 public:
  explicit json_reader(std::string_view json) : json_(json) {}

  json_value whole() {
    json_value it = value(0);
    skip_space();
    if (at_ != json_.size()) fail("something behind the value");
    return it;
  }

 private:
  static constexpr int most_levels = 256;

  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument("JSON, at byte " + std::to_string(at_) + ": " + what);
  }
  void skip_space() {
    while (at_ < json_.size() && (json_[at_] == ' ' || json_[at_] == '\n' || json_[at_] == '\r' || json_[at_] == '\t'))
      ++at_;
  }
  char peek() const { return at_ < json_.size() ? json_[at_] : '\0'; }
  bool take(char c) {
    skip_space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("a '") + c + "' is missing");
  }
  bool take_word(std::string_view word) {
    if (json_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  json_value value(int level) {
    if (level > most_levels) fail("too many levels");
    json_value it;
    skip_space();
    const char first = peek();
    if (first == '{' || first == '[') {
      container(it, level);
    } else if (first == '"') {
      it.kind_ = json_value::kind::text;
      it.text_ = text();
    } else if (take_word("true") || take_word("false")) {
      it.kind_ = json_value::kind::boolean;
      it.boolean_ = first == 't';
    } else if (!take_word("null")) {
      it.kind_ = json_value::kind::number;
      it.number_ = number();
    }
    return it;
  }

  void container(json_value& it, int level) {
    const bool object = take('{');
    if (!object) expect('[');
    const char closing = object ? '}' : ']';
    it.kind_ = object ? json_value::kind::object : json_value::kind::array;
    if (take(closing)) return;
    do {
      std::string name;
      if (object) {
        skip_space();
        name = text();
        for (const auto& [other, ignored] : it.members_)
          if (other == name) fail("two members \"" + name + "\"");
        expect(':');
      }
      it.members_.emplace_back(std::move(name), value(level + 1));
    } while (take(','));
    expect(closing);
  }

  double number() {
    const std::size_t begin = at_;
    const auto digits = [&] {
      const std::size_t from = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      if (at_ == from) fail("no value");
    };
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
    } else {
      digits();
    }
    if (peek() == '.') {
      ++at_;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
    }
    double result = 0;
    const auto [end, error] = std::from_chars(json_.data() + begin, json_.data() + at_, result);
    if (error != std::errc() || end != json_.data() + at_) fail("a number that is too large");
    return result;
  }

  std::string text() {
    if (peek() != '"') fail("a '\"' is missing");
    ++at_;
    std::string all;
    for (;;) {
      if (at_ == json_.size()) fail("a text without an end");
      const char c = json_[at_++];
      if (c == '"') return all;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a text");
      if (c == '\\') {
        escape(all);
      } else {
        all += c;
      }
    }
  }

  void escape(std::string& all) {
    static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++at_;
    if (c == 'u') return code_point(all);
    const std::size_t known = from.find(c);
    if (known == from.npos) fail("an escape that is none");
    all += to[known];
  }

  unsigned unit() {
    unsigned code = 0;
    const char* const begin = json_.data() + at_;
    if (json_.size() - at_ < 4 || std::from_chars(begin, begin + 4, code, 16).ptr != begin + 4)
      fail("\\u without four digits");
    at_ += 4;
    return code;
  }

  void code_point(std::string& all) {
    unsigned code = unit();
    if (code >= 0xDC00 && code < 0xE000) fail("half of a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
      if (!take_word("\\u")) fail("half of a surrogate pair");
      const unsigned low = unit();
      if (low < 0xDC00 || low >= 0xE000) fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    const auto put = [&](unsigned byte) { all += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
      put(0xC0 | code >> 6);
    } else {
      if (code < 0x10000) {
        put(0xE0 | code >> 12);
      } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
      }
      put(0x80 | (code >> 6 & 0x3F));
    }
    put(0x80 | (code & 0x3F));
  }

  std::string_view json_;
  std::size_t at_ = 0;
};

json_value json_value::parse(std::string_view json) { return json_reader(json).whole(); }

bool json_value::boolean() const {
  return kind_ == kind::boolean ? boolean_ : throw std::out_of_range("JSON: no boolean");
}
double json_value::number() const {
  return kind_ == kind::number ? number_ : throw std::out_of_range("JSON: no number");
}
const std::string& json_value::text() const {
  return kind_ == kind::text ? text_ : throw std::out_of_range("JSON: no text");
}

const json_value& json_value::operator[](std::size_t index) const {
  return index < members_.size() ? members_[index].second
                                 : throw std::out_of_range("JSON: no element " + std::to_string(index));
}

const json_value& json_value::operator[](std::string_view name) const noexcept {
  static const json_value none;
  for (const auto& [other, value] : members_)
    if (kind_ == kind::object && other == name) return value;
  return none;
}

}  // namespace lastcall::inline v0::testing
