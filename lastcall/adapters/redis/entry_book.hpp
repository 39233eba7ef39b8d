// What a consumer holds, the entries that it has read and that are not acknowledged, and what it may take besides.
// Pure: it knows no server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "lastcall/adapters/redis/entry.hpp"
#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::redis::detail {

struct dead_letter {
  entry of{};
  std::string why{};
};

/// An entry that was given to a consumer and that nobody has acknowledged. The server counts how often it was given.
struct pending_entry {
  std::string id{};
  std::uint64_t given = 0;
  duration idle{};  // since it was
};

/// Threads: one, or guard it.
class entry_book {
 public:
  struct numbers {
    std::uint64_t acknowledged = 0;
    std::uint64_t failed = 0;  // and left to be claimed later
    std::uint64_t dead = 0;
    std::uint64_t claimed = 0;
  };
  struct claims {
    std::vector<pending_entry> now{};
    bool some_wait = false;  // others may be claimed later, when there is room for them
  };

  /// `most`: that it may hold. `remembers`: for how long it knows what has failed.
  entry_book(std::size_t workers, std::size_t most, duration remembers)
      : workers_(workers), most_(most), remembers_(remembers) {}

  /// How many more may be read: no more than begin at once. What is read counts as tried, even if its process ends
  /// before its turn.
  std::size_t room() const noexcept;
  std::size_t size() const noexcept { return held_.size(); }

  /// Of those that are pending, what may be claimed. What was tried already may have ended the process of another
  /// consumer, unless it has failed here. Of these suspects only one is in work at a time, so that it takes no other
  /// one with it a second time.
  claims to_claim(std::vector<pending_entry> found, time_point now);
  /// Those of our own name that were given to us after `since` and never came.
  std::vector<pending_entry> on_their_way(std::vector<pending_entry> ours, time_point since, time_point now) const;

  /// False: it is held already.
  bool take(const entry& of, bool claimed);
  /// A worker has begun with it: from now on it counts as tried.
  void begun(const std::string& id);
  /// Its work is over: it is to be acknowledged.
  void done(const std::string& id);
  /// Its work threw. It stays pending at the server, and is claimed later, by whomever.
  void failed(const std::string& id, time_point now);
  /// It is not tried again: it is to be moved to the dead letters.
  void dead(dead_letter of);

  /// Those that are done, the oldest first.
  std::vector<std::string> to_acknowledge(std::size_t most) const;
  void acknowledged(const std::vector<std::string>& ids);
  /// Null: there is none.
  const dead_letter* next_dead() const noexcept { return dead_.empty() ? nullptr : &dead_.front(); }
  void moved();
  bool has_to_tell() const noexcept { return !done_.empty() || !dead_.empty(); }

  /// The ids of all that are held, at most so many.
  std::vector<std::string> held(std::size_t most) const;
  /// Of those that are not done, and were tried.
  std::vector<std::string> not_done() const;
  /// Of those that no worker has begun with.
  std::vector<pending_entry> not_begun() const;
  const numbers& counted() const noexcept { return counted_; }

 private:
  enum class state : unsigned char { taken, begun, done, dead };
  struct holding {
    state is = state::taken;
    std::uint64_t tries = 1;
    bool is_suspect = false;
  };

  bool is_suspect(const std::string& id, std::uint64_t tries) const { return tries > 1 && !failed_.contains(id); }
  /// Its work is over. Null: it was over before.
  holding* ended(const std::string& id);

  const std::size_t workers_, most_;
  const duration remembers_;
  std::map<std::string, holding> held_;
  std::size_t in_work_ = 0;   // of these
  std::size_t suspects_ = 0;  // of those in work
  std::deque<std::string> done_;
  std::deque<dead_letter> dead_;
  std::map<std::string, time_point> failed_;
  numbers counted_;
};

}  // namespace lastcall::inline v0::redis::detail
