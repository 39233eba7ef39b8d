// The bytes that an HTTP connection has received and not used up, in one block of memory. Knows where the present
// request lies in them, and parses nothing.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::http::detail {

/// The order of the bytes: used up, then the present request (head, then body), then what follows it, then free space.
/// ```
/// 0 ........ begin ........ begin+head ........ begin+head+tail ........ end ........ capacity
///   used up         head                 body                  next request     free
/// ```
/// Allocates once. Moves bytes in `compact` only.   Threads: one at a time.
class input_buffer {
 public:
  explicit input_buffer(std::size_t capacity) : bytes_(new char[capacity]), capacity_(capacity) {}

  /// From the first byte of the present request on.
  std::string_view unread() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }

  /// Where to receive next.
  std::span<char> free_space() noexcept { return {bytes_.get() + end_, capacity_ - end_}; }
  /// That many bytes were written to the front of the free space.
  void received(std::size_t bytes) noexcept { end_ += bytes; }
  /// Moves what is unread to the front when less than half of the memory is free behind it. Returns by how many bytes
  /// it moved: views of it are that much too far.
  std::size_t compact() noexcept {
    if (begin_ == 0 || capacity_ - end_ >= capacity_ / 2) return 0;
    std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    return std::exchange(begin_, 0);
  }

  /// The parser's: how many of the unread bytes it has searched for the end of the head.
  std::size_t& scanned() noexcept { return scanned_; }
  /// The head is complete, and has that many bytes.
  void head_is(std::size_t bytes) noexcept { head_ = bytes; }
  bool has_head() const noexcept { return head_ != 0; }

  /// What was received behind the head: the body as it was sent, or its beginning, and what follows it.
  std::string_view behind_head() const noexcept { return {bytes_.get() + begin_ + head_, end_ - begin_ - head_}; }
  /// Those bytes have been copied: their memory is free.
  void drop_behind_head() noexcept { end_ = begin_ + head_; }
  /// The memory behind the head, which does not move. Only right after `drop_behind_head`, or when nothing is there.
  std::span<char> space_behind_head() noexcept { return {bytes_.get() + begin_ + head_, capacity_ - begin_ - head_}; }
  /// The body is complete, and is the first that many bytes behind the head.
  void body_is(std::size_t bytes) noexcept { tail_ = bytes; }
  /// Bytes of a further request are here.
  bool has_next() const noexcept { return begin_ + head_ + tail_ < end_; }

  /// The present request is used up; what follows it becomes the present one.
  void next() noexcept {
    begin_ += head_ + std::exchange(tail_, 0);
    head_ = scanned_ = 0;
  }
  /// Copies what is unread of `other`, which is not larger: the present request is where it is there.
  void continue_from(const input_buffer& other) noexcept {
    const std::string_view all = other.unread();
    std::memcpy(bytes_.get(), all.data(), all.size());
    begin_ = 0;
    end_ = all.size();
    head_ = other.head_;
    tail_ = other.tail_;
    scanned_ = other.scanned_;
  }
  /// Forgets what is unread. Only between two requests, so after `next`.
  void clear() noexcept { begin_ = end_ = 0; }

  /// All of it, for a protocol whose heads are not read in place.
  std::span<char> memory() noexcept { return {bytes_.get(), capacity_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t head_ = 0;  // 0 while it is incomplete
  std::size_t tail_ = 0;  // 0 while the body is incomplete
  std::size_t scanned_ = 0;
};

}  // namespace lastcall::inline v0::http::detail
