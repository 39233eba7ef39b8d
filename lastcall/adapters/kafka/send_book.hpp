// Which record gets the next room in a producer. Pure: it knows neither brokers nor threads.
#pragma once

#include <cstddef>
#include <list>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::kafka::detail {

/// One that waits for room, in the order of its coming. It lives as long as it is in the book.
struct room_waiter {
  std::size_t bytes = 0;
  std::list<room_waiter*>::iterator place{};
};

/// Threads: one at a time.
class send_book {
 public:
  send_book(std::size_t most, std::size_t most_bytes) : most_(most), most_bytes_(most_bytes) {}

  bool fits_never(std::size_t bytes) const noexcept { return bytes > most_bytes_; }
  /// False: there is no room, or others wait for it.
  bool add(std::size_t bytes) noexcept {
    if (!waiters_.empty() || !has_room(bytes)) return false;
    put(bytes);
    return true;
  }
  void enqueue(room_waiter& last) { last.place = waiters_.insert(waiters_.end(), &last); }
  void withdraw(room_waiter& who) noexcept { waiters_.erase(who.place); }
  /// One is over: it was delivered, or never will be.
  void over(std::size_t bytes) noexcept {
    --records_;
    bytes_ -= bytes;
  }
  /// The next that waits and has room now, which it takes. Null: there is none.
  room_waiter* admit() noexcept {
    if (waiters_.empty() || !has_room(waiters_.front()->bytes)) return nullptr;
    return take_first(true);
  }
  /// The next that waits, whether or not there is room: to be refused.
  room_waiter* refuse() noexcept { return waiters_.empty() ? nullptr : take_first(false); }

  std::size_t records() const noexcept { return records_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t waiting() const noexcept { return waiters_.size(); }

 private:
  bool has_room(std::size_t bytes) const noexcept { return records_ < most_ && bytes_ + bytes <= most_bytes_; }
  void put(std::size_t bytes) noexcept {
    ++records_;
    bytes_ += bytes;
  }
  room_waiter* take_first(bool with_room) noexcept {
    room_waiter* const first = waiters_.front();
    waiters_.pop_front();
    if (with_room) put(first->bytes);
    return first;
  }

  const std::size_t most_, most_bytes_;
  std::size_t records_ = 0, bytes_ = 0;
  std::list<room_waiter*> waiters_;  // the first has waited longest
};

}  // namespace lastcall::inline v0::kafka::detail
