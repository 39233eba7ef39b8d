// Packets on their way: a bounded first-in-first-out queue in which each stays for the same time. Not a device, no
// clock.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "lastcall/app.hpp"

namespace net_lab {

/// Fixed memory from the start; what comes while it is full is the caller's to drop and count.
/// Threads: one.
class delay_line {
 public:
  static constexpr std::size_t packet_bytes = 2048;  // any Ethernet frame fits

  delay_line(lastcall::duration delay, std::size_t capacity)
      : notes_(std::make_unique<note[]>(capacity)),
        packets_(std::make_unique_for_overwrite<packet[]>(capacity)),
        capacity_(capacity),
        delay_(delay) {}

  bool empty() const noexcept { return size_ == 0; }
  bool full() const noexcept { return size_ == capacity_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t peak() const noexcept { return peak_; }

  /// Where the next packet is to be written; `push` then takes its first `bytes`. Only while not full.
  std::span<std::byte> room() noexcept { return packets_[(first_ + size_) % capacity_]; }

  void push(std::size_t bytes, lastcall::time_point now) noexcept {
    note& last = notes_[(first_ + size_) % capacity_];
    last.due = now + delay_;
    last.bytes = bytes;
    if (++size_ > peak_) peak_ = size_;
  }

  /// When the oldest has stayed long enough; `time_point::max()` when there is none.
  lastcall::time_point next_due() const noexcept { return empty() ? lastcall::time_point::max() : notes_[first_].due; }

  /// The oldest. Only while not empty.
  std::span<const std::byte> front() const noexcept { return {packets_[first_], notes_[first_].bytes}; }

  void pop() noexcept {
    first_ = (first_ + 1) % capacity_;
    --size_;
  }

 private:
  using packet = std::byte[packet_bytes];
  struct note {
    lastcall::time_point due;
    std::size_t bytes = 0;
  };

  std::unique_ptr<note[]> notes_;
  std::unique_ptr<packet[]> packets_;  // each untouched before its first use: 64 MiB at once can take half a second
  std::size_t capacity_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t peak_ = 0;
  lastcall::duration delay_;
};

}  // namespace net_lab
