// Which item of a queue is worked on next, and which producer gets the next room. Pure: it knows neither time nor
// threads, and no type of items: that is work_queue_core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::detail {

struct queue_item {
  virtual ~queue_item() = default;

  std::string key{};    // used by a book with keys only
  std::string label{};  // for reports
  std::size_t bytes = 0;
  time_point came{};  // into the queue
  std::uint64_t number = 0;
};
using queue_items = std::vector<std::unique_ptr<queue_item>>;

/// A producer that waits for room. It lives as long as it is in the book, and its item is its own until it is granted.
struct queue_waiter {
  enum class state : unsigned char {
    outside,  ///< not in the book: before it waits, and once it knows what came of it
    waiting,
    granted,  ///< its item is in the queue
    refused,
  };

  explicit queue_waiter(std::unique_ptr<queue_item> its) : item(std::move(its)) {}
  virtual ~queue_waiter() = default;
  /// Its state has changed.   Threads: of whoever changed it, under the queue's lock, so it must not block or throw.
  virtual void told() noexcept = 0;

  std::unique_ptr<queue_item> item;
  state at = state::outside;
  std::size_t ahead = 0;  // when granted
  std::list<queue_waiter*>::iterator place{};
};

/// Items of one key are taken one at a time, in the order in which they came. Threads: one at a time.
class queue_book {
 public:
  struct bounds {
    std::size_t most = 1024;     ///< items that wait
    std::size_t most_bytes = 0;  ///< of these; 0: they are not counted
    bool keys = false;
  };

  explicit queue_book(bounds of) : bounds_(of) {}

  /// False: there is no room, or others wait for it, so the caller has to `enqueue`.
  bool add(std::unique_ptr<queue_item>& it, time_point now);
  void enqueue(queue_waiter& last);
  /// It has given up waiting. Those behind it may have room now.
  void withdraw(queue_waiter& who, time_point now) noexcept;
  bool fits_never(const queue_item& it) const noexcept {
    return bounds_.most_bytes != 0 && it.bytes > bounds_.most_bytes;
  }

  /// The item to work on; `over` follows. Its room goes to those that wait. Empty: all that wait are behind others of
  /// their key, or there are none.
  std::unique_ptr<queue_item> take(time_point now);
  /// The work on an item with this key has ended, so that the next one may be taken.
  void over(const std::string& key) noexcept;
  /// After `close`: all that wait, in the order in which they came.
  queue_items take_rest();

  /// From here on nothing is added: those that wait are refused.
  void close() noexcept;

  bool is_closed() const noexcept { return closed_; }
  bool can_take() const noexcept { return !ready_.empty(); }
  std::size_t waiting() const noexcept { return waiting_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t in_work() const noexcept { return in_work_; }
  std::size_t producers() const noexcept { return waiters_.size(); }
  /// Those that are taken next.
  const std::deque<std::unique_ptr<queue_item>>& next() const noexcept { return ready_; }

 private:
  bool has_room(const queue_item& for_it) const noexcept;
  void put(std::unique_ptr<queue_item> it, time_point now);
  void admit(time_point now);

  const bounds bounds_;
  std::deque<std::unique_ptr<queue_item>> ready_;
  // Each key of which an item is ready or in work, with those behind it.
  std::unordered_map<std::string, std::deque<std::unique_ptr<queue_item>>> behind_;
  std::list<queue_waiter*> waiters_;  // the first has waited longest
  std::uint64_t numbers_ = 0;
  std::size_t waiting_ = 0;
  std::size_t bytes_ = 0;
  std::size_t in_work_ = 0;
  bool closed_ = false;
};

}  // namespace lastcall::inline v0::detail
