// Which message is worked on next, and which offsets of a partition are finished. Pure: it knows neither brokers nor
// threads, and a message only by its offset and key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::kafka::detail {

/// A message that was taken from its broker.
struct consumed {
  virtual ~consumed() = default;

  std::int64_t offset = 0;
  std::optional<std::string> key{};
};

/// A partition, and those of its finished messages that the group may get again.
struct offset_range {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t first = 0, last = 0;
  std::size_t messages = 0;

  bool operator==(const offset_range&) const = default;
};

/// "orders [2] 17-19".
std::string to_text(const offset_range& of);

/// Threads: one at a time.
class consume_book {
 public:
  struct rules {
    std::size_t most = 256;  // of one partition: from the first that is not finished to the last that was taken
    bool by_key = false;     // the order of a key, not of the partition. Without a key there is none
    std::size_t tries = 0;   // then it is poison; 0: it is tried for ever
    duration first_pause{}, longest_pause{};  // before a message is tried again
  };
  struct partition;
  /// One message. It stays where it is until `done`, `failed` or `cut` follows.
  struct entry {
    enum class state : unsigned char { waiting, in_work, paused, finished, dropped };

    std::unique_ptr<consumed> it{};  // empty once it is finished
    std::int64_t offset = 0;
    partition* of = nullptr;
    state at = state::waiting;
    std::size_t failures = 0;
    bool poison = false;  // to be given to the poison callback instead
    std::string why{};    // it failed last
    time_point due{};     // when paused
  };
  struct counts {
    std::uint64_t taken = 0;
    std::uint64_t done = 0;
    std::uint64_t poisoned = 0;     // the poison callback has taken them
    std::uint64_t handed_back = 0;  // not begun, or not finished: the group gets them again
    std::uint64_t cut = 0;          // they ended since they were forced: the group gets them again
    std::uint64_t failures = 0;     // calls that threw
  };
  /// Of one assignment: a partition that is assigned again gets another.
  using number = std::uint64_t;

  explicit consume_book(const rules& of) : rules_(of) {}
  ~consume_book();
  consume_book& operator=(consume_book&&) = delete;

  number assign(std::string topic, std::int32_t id);
  /// How many more it takes.
  std::size_t room(number in) const;
  /// False: this or a later one was taken before, so it is not taken again.
  bool add(number in, std::unique_ptr<consumed> it);

  /// The next to work on. Null: all wait for others of their partition or key, or for their time.
  entry* take(time_point now);
  /// When the next that failed may be tried again, or the hold ends.
  std::optional<time_point> next_due() const;
  /// Nothing is begun until then. Empty: the hold is over.
  void hold(std::optional<time_point> until) noexcept { held_until_ = until; }
  bool can_take(time_point now) const noexcept;

  /// False: its partition is gone, and the group gets it again.
  bool done(entry& it);
  /// `random` is from 0 up to 1.
  void failed(entry& it, std::string why, time_point now, double random);
  void cut(entry& it);

  /// It is about to be given up: what nothing that was begun stands behind is dropped, so that no finished message is
  /// done again because one before it is not.
  void end(number in);
  /// Nothing more of it is begun.
  void drop_waiting(number in);
  /// Nothing of it is in work, and nothing more will be begun.
  bool is_quiet(number in) const;

  /// The position behind what is finished without a gap. Empty: it is committed.
  std::optional<std::int64_t> to_commit(number in) const;
  /// The same, as long as it was not given to librdkafka, which commits it; `stored` follows.
  std::optional<std::int64_t> to_store(number in) const;
  void stored(number in);
  /// A broker has this position. Unknown ones are no news.
  void committed(number in, std::int64_t position);
  /// Finished and not committed. `messages` is 0: none.
  offset_range uncommitted(number in) const;
  /// What is still in work comes back later, and counts for nothing but itself.
  void remove(number in);

  std::size_t waiting() const noexcept { return waiting_; }
  std::size_t in_work() const noexcept { return in_work_; }
  std::size_t uncommitted() const;
  const counts& count() const noexcept { return count_; }

 private:
  std::string lane_of(const entry& it) const;
  bool has_lane(const entry& it) const noexcept { return !rules_.by_key || it.it->key; }
  void put(entry& it);
  void lane_over(entry& it);
  void drop(entry& it);
  void rebuild(partition& of);
  void come_back(entry& it, entry::state as);
  partition& at(number in) const;

  const rules rules_;
  std::map<number, std::unique_ptr<partition>> partitions_;
  std::deque<entry*> ready_;
  std::multimap<time_point, entry*> paused_;
  std::optional<time_point> held_until_{};
  number numbers_ = 0;
  std::size_t waiting_ = 0;  // paused ones too
  std::size_t in_work_ = 0;
  counts count_{};
};

struct consume_book::partition {
  std::string topic{};
  std::int32_t id = 0;
  number in = 0;
  bool ending = false;
  bool gone = false;                                             // it only waits for what is in work
  std::deque<entry> entries{};                                   // from the first that is not finished on, by offset
  std::unordered_map<std::string, std::deque<entry*>> behind{};  // each lane that has one ready, paused or in work
  std::optional<std::int64_t> last{};                            // offset that was taken
  std::size_t waiting = 0, in_work = 0, beyond = 0;              // beyond: finished behind one that is not
  std::int64_t highest = 0;                                      // finished
  // Finished without a gap: the position behind them, and how many. The same of what a broker has, and of what it may
  // soon have.
  struct prefix {
    std::int64_t position = 0;
    std::uint64_t messages = 0;
  };
  prefix finished{}, kept{};
  std::deque<prefix> stored{};
};

}  // namespace lastcall::inline v0::kafka::detail
