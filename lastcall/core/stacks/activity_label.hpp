// A short text that one thread changes often, and that other threads may read at any moment. Longer texts are cut at
// 119 bytes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0 {

/// What a thread is doing, and since when. Plain data without pointers.
struct activity_text {
  static constexpr std::size_t words = 15;
  static constexpr std::size_t most_bytes = words * 8 - 1;  // the last byte holds the length

  std::array<std::uint64_t, words> packed{};
  time_point since{};

  /// `first`, a space, `second`, cut to the room there is. No space when one of them is empty.
  static activity_text joined(std::string_view first, std::string_view second, time_point since) noexcept {
    activity_text made;
    made.since = since;
    auto* const bytes = reinterpret_cast<char*>(made.packed.data());
    std::size_t size = 0;
    const auto append = [&](std::string_view text) { size += text.copy(bytes + size, most_bytes - size); };
    append(first);
    append(first.empty() || second.empty() ? "" : " ");
    append(second);
    bytes[most_bytes] = static_cast<char>(size);
    return made;
  }
  /// A view into this object.
  std::string_view text() const noexcept {
    const auto* const bytes = reinterpret_cast<const char*>(packed.data());
    return {bytes, static_cast<std::size_t>(bytes[most_bytes])};
  }
};

/// There are two places, and `set` writes to the one that is not current. So it never locks, allocates or waits, and a
/// reader sees the old text or the new one.   Threads: `set` one, `read` any.
class activity_label {
 public:
  void set(const activity_text& what) noexcept {
    const std::uint32_t next = version_.load(std::memory_order_relaxed) + 1;
    place& into = places_[next & 1];
    // Each store releases the version before: a reader that sees a word of this text also sees that the version
    // changed.
    for (std::size_t i = 0; i < activity_text::words; ++i)
      into.words[i].store(what.packed[i], std::memory_order_release);
    into.since.store(what.since.time_since_epoch().count(), std::memory_order_release);
    version_.store(next, std::memory_order_release);  // pairs with the acquire in read()
  }

  /// Empty: it changed during each of a thousand attempts.
  std::optional<activity_text> read() const noexcept {
    for (int looks = 0; looks < 1000; ++looks) {
      const std::uint32_t version = version_.load(std::memory_order_acquire);
      const activity_text copy = places_[version & 1].copy();
      if (version_.load(std::memory_order_relaxed) == version) return copy;
    }
    return std::nullopt;
  }

  /// The latest text. Only for the thread that sets it.
  activity_text latest() const noexcept { return places_[version_.load(std::memory_order_relaxed) & 1].copy(); }

 private:
  struct place {
    std::array<std::atomic<std::uint64_t>, activity_text::words> words{};
    std::atomic<duration::rep> since{0};

    activity_text copy() const noexcept {
      activity_text made;
      for (std::size_t i = 0; i < activity_text::words; ++i) made.packed[i] = words[i].load(std::memory_order_acquire);
      made.since = time_point(duration(since.load(std::memory_order_acquire)));
      return made;
    }
  };
  std::array<place, 2> places_{};
  std::atomic<std::uint32_t> version_{0};
};

}  // namespace lastcall::inline v0
