#include "lastcall/core/log/log_line.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "lastcall/core/utc_text.hpp"
#include "lastcall/core/utf8.hpp"

namespace lastcall::inline v0 {
namespace {

constexpr std::string_view hex = "0123456789abcdef";
constexpr std::string_view cut_end = "...\n";

// Appends whole pieces (a sequence, an escape) or nothing, and after the first that did not fit nothing more.
class line_writer {
 public:
  explicit line_writer(std::span<char> into) noexcept : into_(into), room_(into.size() - cut_end.size()) {}

  void piece(std::string_view text) noexcept {
    cut_ = cut_ || text.size() > room_ - size_;
    if (cut_) return;
    std::memcpy(into_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }

  // `special` are further characters to be escaped with a backslash.
  void escaped(std::string_view text, std::string_view special = {}) noexcept {
    while (!text.empty() && !cut_) {
      const auto byte = static_cast<unsigned char>(text.front());
      const std::size_t length = detail::utf8_length(text);
      const bool second_controls = length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
      if (length == 0 || second_controls || byte < 0x20 || byte == 0x7f) {
        control(byte);
        if (second_controls) control(static_cast<unsigned char>(text[1]));
      } else if (special.find(text.front()) != special.npos) {
        const std::array<char, 2> pair{'\\', text.front()};
        piece({pair.data(), 2});
      } else {
        piece(text.substr(0, length));
      }
      text.remove_prefix(std::max<std::size_t>(length, 1));
    }
  }

  std::string_view finish() noexcept {
    const std::string_view end = cut_ ? cut_end : cut_end.substr(cut_end.size() - 1);
    std::memcpy(into_.data() + size_, end.data(), end.size());
    return {into_.data(), size_ + end.size()};
  }

 private:
  void control(unsigned char byte) noexcept {
    if (byte == '\n') return piece("\\n");
    if (byte == '\r') return piece("\\r");
    if (byte == '\t') return piece("\\t");
    const std::array<char, 4> code{'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    piece({code.data(), code.size()});
  }

  std::span<char> into_;
  std::size_t room_;
  std::size_t size_ = 0;
  bool cut_ = false;
};

// A value that does not fit is cut, and nothing follows it.
class json_line_writer {
 public:
  explicit json_line_writer(std::span<char> into) noexcept : into_(into), room_(into.size() - all_ends.size()) {}

  void raw(std::string_view text) noexcept {
    if (!cut_ && !piece(text)) cut_ = true;
  }

  void member(std::string_view key, std::string_view value) noexcept {
    if (cut_) return;
    const std::size_t before = size_;
    const std::string_view begin = into_[size_ - 1] == '{' ? "\"" : ",\"";
    if (!piece(begin) || !closed(key) || !piece(":\"")) {
      size_ = before;
      cut_ = true;
    } else if (!closed(value)) {
      cut_ = true;
    }
  }

  std::size_t size() const noexcept { return size_; }
  std::string_view finish(bool in_fields) noexcept {
    put(in_fields ? "}}\n" : "}\n");
    return {into_.data(), size_};
  }

 private:
  static constexpr std::string_view all_ends = "...\"}}\n";

  void put(std::string_view text) noexcept {
    std::memcpy(into_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  bool piece(std::string_view text) noexcept {
    if (size_ + text.size() > room_) return false;
    put(text);
    return true;
  }
  /// What stands behind a quote, and the quote at its end. False: it was cut.
  bool closed(std::string_view text) noexcept {
    bool whole = true;
    while (whole && !text.empty()) {
      const std::size_t length = detail::utf8_length(text);
      whole = length == 0 ? piece("\xEF\xBF\xBD") : length == 1 ? ascii(text.front()) : piece(text.substr(0, length));
      text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    put(whole ? "\"" : "...\"");
    return whole;
  }
  bool ascii(char c) noexcept {
    if (c == '"' || c == '\\') {
      const std::array<char, 2> pair{'\\', c};
      return piece({pair.data(), pair.size()});
    }
    if (c == '\n') return piece("\\n");
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) return piece({&c, 1});
    const std::array<char, 6> code{'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    return piece({code.data(), code.size()});
  }

  std::span<char> into_;
  std::size_t room_;
  std::size_t size_ = 0;
  bool cut_ = false;
};

/// By log_level.
constexpr std::array<std::string_view, 5> padded_levels{"debug ", "info  ", "warn  ", "error ", "none  "};

bool plain(std::string_view value) noexcept {
  return !value.empty() &&
         std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '='; });
}

}  // namespace

std::string_view format_log_line(std::span<char> into, std::chrono::system_clock::time_point now,
                                 const log_record& record) noexcept {
  line_writer line(into);
  line.piece(detail::utc_text(now));
  line.piece(" ");
  line.piece(padded_levels[std::min(static_cast<std::size_t>(record.level), padded_levels.size() - 1)]);
  line.escaped(record.component);
  line.piece(": ");
  line.escaped(record.text);
  for (const log_field& field : record.fields) {
    line.piece(" ");
    line.escaped(field.key, " \"=\\");
    line.piece("=");
    if (plain(field.value)) {
      line.piece(field.value.substr(0, log_line_bytes));
    } else {
      line.piece("\"");
      line.escaped(field.value, "\"\\");
      line.piece("\"");
    }
  }
  return line.finish();
}

std::string_view format_log_json(std::span<char> into, std::chrono::system_clock::time_point now,
                                 const log_record& record) noexcept {
  json_line_writer line(into);
  line.raw("{");
  line.member("time", detail::utc_text(now));
  line.member("level", to_text(record.level));
  line.member("component", record.component);
  line.member("text", record.text);
  if (record.fields.empty()) return line.finish(false);
  const std::size_t before = line.size();
  line.raw(",\"fields\":{");
  const bool opened = line.size() > before;
  for (const log_field& field : record.fields) line.member(field.key, field.value);
  return line.finish(opened);
}

}  // namespace lastcall::inline v0
