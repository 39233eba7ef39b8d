// A broadcast to many WebSockets: each message is encoded once, and each loop is woken once for all of its members.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "lastcall/http/ws/websocket.hpp"

namespace lastcall::inline v0::ws {

/// What happens to a member whose remote reads too slowly for a broadcast.
enum class slow_member : unsigned char {
  close,  ///< it is closed with 1008, so that its client comes back and knows that it missed something
  skip,   ///< it does not get this one
};

struct group_options {
  /// How many bytes may wait for one remote.
  std::size_t member_bytes = 256 * 1024;
  slow_member slow = slow_member::close;
  /// How many bytes of broadcasts may wait for one loop. More are dropped for all members of that loop.
  std::size_t queue_bytes = 16 * 1024 * 1024;
};

/// A member gets the broadcasts of one thread in their order. One that joins during a broadcast may miss it; one that
/// leaves gets those that were sent before. A handler's own writes may overtake broadcasts: where that matters, it ends
/// its membership first.   Threads: any.
class group {
 public:
  using options = group_options;
  class membership;

  explicit group(options = {});

  /// The stream is a member until the result is destroyed or its connection ends.
  [[nodiscard]] membership join(const stream&);

  /// Never waits.   Errors: std::invalid_argument for a text that is not UTF-8.
  void send(const message&);
  void send(std::string_view text);

  /// May count members whose connection has ended, until the next broadcast.
  std::size_t size() const;
  /// Broadcasts that were dropped for a whole loop, because too many bytes waited for it.
  std::uint64_t dropped() const noexcept;

 private:
  struct member;
  struct loop_members;
  struct shared;

  void send(message_kind, std::string_view);

  std::shared_ptr<shared> shared_;
};

/// Its destructor leaves the group.
class group::membership {
 public:
  membership(membership&&) noexcept;
  membership& operator=(membership&&) noexcept;
  ~membership();

 private:
  friend class group;
  explicit membership(std::shared_ptr<member> m) noexcept;

  std::shared_ptr<member> member_;
};

}  // namespace lastcall::inline v0::ws
