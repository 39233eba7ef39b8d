// The header lines of one response as one flat text, inline while they are short. Checks nothing; `response` does.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

/// Keeps 160 bytes inside: a Content-Type and two or three short headers. Beyond that all of it moves to the heap.
class header_text {
 public:
  std::string_view view() const noexcept {
    return far_.empty() ? std::string_view(near_.data(), size_) : std::string_view(far_);
  }

  /// Appends "name: value\r\n". Both may be views of what is here.
  void add_line(std::string_view name, std::string_view value) {
    const std::size_t more = name.size() + value.size() + 4;
    if (far_.empty() && size_ + more <= near_.size()) {
      char* to = near_.data() + size_;
      to = std::copy(name.begin(), name.end(), to);
      *to++ = ':';
      *to++ = ' ';
      to = std::copy(value.begin(), value.end(), to);
      *to++ = '\r';
      *to = '\n';
      size_ = static_cast<std::uint8_t>(size_ + more);
      return;
    }
    if (far_.empty() || far_.size() + more > far_.capacity()) {
      const std::string_view before = view();
      std::string all;
      all.reserve(2 * (before.size() + more));
      all.append(before).append(name).append(": ").append(value).append("\r\n");
      far_ = static_cast<std::string&&>(all);
      size_ = 0;
    } else {
      far_.append(name).append(": ").append(value).append("\r\n");
    }
  }

  /// The first line, whole and known to be sound: of at most 160 bytes.
  void add_sound_line(std::string_view line) noexcept {
    std::copy(line.begin(), line.end(), near_.data());
    size_ = static_cast<std::uint8_t>(line.size());
  }

  void erase(std::size_t at, std::size_t count) noexcept {
    if (!far_.empty()) {
      far_.erase(at, count);
      return;
    }
    std::copy(near_.data() + at + count, near_.data() + size_, near_.data() + at);
    size_ = static_cast<std::uint8_t>(size_ - count);
  }

 private:
  std::array<char, 160> near_{};
  std::uint8_t size_ = 0;  // of what is inside
  std::string far_;        // all of it, once it has outgrown that
};

}  // namespace lastcall::inline v0::http::detail
