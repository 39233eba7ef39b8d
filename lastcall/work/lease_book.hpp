// Who gets which of the things that a pool lends, and what the pool opens and closes when. Pure: it takes the time, and
// says what is to be done. It neither waits nor opens anything: that is pool_core.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

/// A caller that waits for a lease. It lives as long as it is in the book.
struct lease_waiter {
  enum class state : unsigned char {
    outside,  ///< not in the book: before it waits, and once it knows what came of it
    waiting,
    granted,
    refused,
  };

  virtual ~lease_waiter() = default;
  /// Its state has changed.   Threads: of whoever changed it, under the pool's lock, so it must not block or throw.
  virtual void told() noexcept = 0;

  state at = state::outside;
  std::size_t slot = 0;  ///< when granted
  std::list<lease_waiter*>::iterator place{};
};

/// Slots are numbered from 0. Each is empty, opening, idle, lent or closing.
/// Threads: one at a time.
class lease_book {
 public:
  struct timing {
    std::size_t most = 8;
    std::size_t kept_idle = 0;
    duration lifetime{};
    duration idle_time{};
    duration first_pause = std::chrono::milliseconds(100);  ///< after a failed opening; doubles with each
    duration longest_pause = std::chrono::seconds(5);
    bool tries_unasked = false;  ///< while openings fail, also when nobody waits
  };
  static constexpr std::size_t most_opening = 4;  ///< at a time; one while openings fail

  explicit lease_book(timing of);

  /// The slot that was used last. Nothing: none is idle, or others wait, so the caller has to `enqueue`.
  std::optional<std::size_t> lend() noexcept;
  void enqueue(lease_waiter& last);
  /// It has given up waiting.
  void withdraw(lease_waiter& who) noexcept;
  /// Lends an idle slot to the first that waits, and tells it. False: there was no such pair.
  bool grant() noexcept;

  /// A slot to open now; it counts as opening from then on. `opened` or `failed_to_open` follows.
  std::optional<std::size_t> next_to_open(time_point now) noexcept;
  /// A slot to close now; `closed` follows.
  std::optional<std::size_t> next_to_close() noexcept;
  void opened(std::size_t slot, time_point now, double random) noexcept;
  void failed_to_open(std::size_t slot, time_point now, double random) noexcept;
  /// A lease is back. What is not usable, or has lived its time, is to be closed. Returns when `next_to_close` or
  /// `expire` may find it, if nobody gets it before.
  time_point returned(std::size_t slot, bool usable, time_point now) noexcept;
  void closed(std::size_t slot) noexcept;
  /// Finds what has been idle for too long, or has lived its time.
  void expire(time_point now) noexcept;
  /// When `next_to_open` or `expire` may find something that they do not find now.
  time_point wakes(time_point now) const noexcept;

  /// From here on nothing is opened or lent: what is idle is to be closed, and those that wait are refused.
  void close() noexcept;

  time_point idle_since(std::size_t slot) const noexcept { return slots_[slot].since; }
  bool is_lent(std::size_t slot) const noexcept { return slots_[slot].at == state::lent; }
  bool is_closed() const noexcept { return closed_; }
  /// Since when every opening failed. Empty: the last one did not fail.
  std::optional<time_point> failing_since() const noexcept { return failing_since_; }
  duration pause() const noexcept { return pause_; }
  std::size_t waiting() const noexcept { return waiters_.size(); }
  std::size_t idle() const noexcept { return idle_.size(); }
  std::size_t lent() const noexcept { return lent_; }
  /// All that are not empty.
  std::size_t occupied() const noexcept { return occupied_; }

 private:
  enum class state : unsigned char { empty, opening, idle, lent, closing };
  struct slot_state {
    state at = state::empty;
    time_point since{};  // of the idle time
    time_point ends{};   // of the lifetime
  };

  bool idle_for_too_long(const slot_state& it, time_point now) const noexcept;
  void to_close(std::size_t which) noexcept;
  void now_empty(std::size_t which) noexcept;

  const timing timing_;
  std::vector<slot_state> slots_;
  std::vector<std::size_t> idle_;      // the last is lent first; the capacity of both is `most`
  std::vector<std::size_t> to_close_;  // not yet taken by next_to_close
  std::list<lease_waiter*> waiters_;   // the first has waited longest
  std::size_t opening_ = 0;
  std::size_t lent_ = 0;
  std::size_t occupied_ = 0;
  std::optional<time_point> failing_since_;
  time_point next_try_{};
  duration pause_{};
  bool closed_ = false;
};

}  // namespace lastcall::inline v0::detail
