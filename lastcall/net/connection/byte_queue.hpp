// Bytes that are appended at one end and used at the other: what a session has received, and what a write_queue holds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

/// Frees its memory when it is empty, and keeps at most 4 KiB.
class byte_queue {
 public:
  byte_queue() noexcept = default;
  explicit byte_queue(std::string bytes) noexcept : bytes_(std::move(bytes)) {}

  /// Valid until the next `append` or `drop_front`.
  std::string_view view() const noexcept { return std::string_view(bytes_).substr(from_); }
  std::size_t size() const noexcept { return bytes_.size() - from_; }
  bool empty() const noexcept { return size() == 0; }

  /// Errors: std::bad_alloc; nothing was appended then.
  void append(std::string_view bytes) { bytes_ += bytes; }
  /// At most `size()` bytes.
  void drop_front(std::size_t count) noexcept {
    from_ += count;
    if (from_ < bytes_.size()) {
      // Moving the rest costs as much as it is long: only when at least as much is used, and that is worth it.
      if (from_ >= kept_bytes && from_ >= bytes_.size() / 2) bytes_.erase(0, std::exchange(from_, 0));
      return;
    }
    from_ = 0;
    bytes_.clear();
    if (bytes_.capacity() > kept_bytes) bytes_.shrink_to_fit();
  }
  /// Takes over `bytes` behind the first `from`, and leaves an empty text. Only while it is empty itself.
  void swap_in(std::string& bytes, std::size_t from) noexcept {
    bytes_.swap(bytes);
    from_ = from;
  }

 private:
  static constexpr std::size_t kept_bytes = 4096;

  std::string bytes_;
  std::size_t from_ = 0;  // bytes before it are used
};

}  // namespace lastcall::inline v0::net
