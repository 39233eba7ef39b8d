// What a consumer holds: the entries that it has read and that are not acknowledged. Pure: it knows no server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "lastcall/adapters/redis/entry.hpp"

namespace lastcall::inline v0::redis::detail {

struct dead_letter {
  entry of{};
  std::string why{};
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

  explicit entry_book(std::size_t most) : most_(most) {}

  /// How many more may be read.
  std::size_t room() const noexcept { return most_ - held_.size(); }
  std::size_t size() const noexcept { return held_.size(); }
  bool holds(const std::string& id) const { return held_.contains(id); }

  /// False: it is held already.
  bool take(const std::string& id, bool claimed);
  /// Its work is over: it is to be acknowledged.
  void done(const std::string& id);
  /// Its work threw. It stays pending at the server, and is claimed later, by whomever.
  void failed(const std::string& id);
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
  /// Of those that are not done.
  std::vector<std::string> not_done() const;
  const numbers& counted() const noexcept { return counted_; }

 private:
  enum class state : unsigned char { held, done, dead };

  const std::size_t most_;
  std::map<std::string, state> held_;
  std::deque<std::string> done_;
  std::deque<dead_letter> dead_;
  numbers counted_;
};

}  // namespace lastcall::inline v0::redis::detail
