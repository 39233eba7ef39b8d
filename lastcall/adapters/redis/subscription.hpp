// Publish/subscribe as a session: what is published on some channels, one message after the other, until the context
// drains. Delivers nothing twice and nothing late: what is published while nobody listens is lost. That is Redis'; for
// messages that must not be lost there is `consumer`.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/adapters/redis/connection.hpp"

namespace lastcall::inline v0::redis {

struct message {
  std::string channel{};
  std::string text{};
  std::string pattern{};  ///< that the channel fits; empty: it was subscribed to by its name
};

/// Uses its connection alone while it lives, and gives it up at its end.   Threads: one at a time.
class subscription {
 public:
  /// Listens from here on. A pattern is Redis': "order.*".   Blocks: as a command.
  /// Errors: std::invalid_argument when there are neither channels nor patterns.
  static result<subscription, error> begin(const context& with, connection& on,
                                           const std::vector<std::string>& channels,
                                           const std::vector<std::string>& patterns = {});
  subscription(subscription&& other) noexcept
      : on_(std::exchange(other.on_, nullptr)), come_(std::move(other.come_)), heard_all_(other.heard_all_) {}
  subscription& operator=(subscription&& other) noexcept;
  ~subscription();

  /// The next message. Nothing: the context drains, and all that had come was given out; or it was forced or its time
  /// is up. Blocks: until then. A server that vanishes without a word is found by TCP's keepalive, after 30 s.
  result<std::optional<message>, error> next(const context& with);

 private:
  explicit subscription(connection& on) noexcept : on_(&on) {}
  /// False: it is something else.
  bool take(const value& of);
  result<bool, error> read_what_has_come();

  connection* on_;  // null: moved from
  std::deque<message> come_;
  bool heard_all_ = false;  // what had come when its context began to drain was read
};

}  // namespace lastcall::inline v0::redis
