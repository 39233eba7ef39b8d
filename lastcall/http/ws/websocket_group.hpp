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

/// What becomes of a member whose remote reads too slowly to take a broadcast.
enum class slow_member : unsigned char {
  close,  ///< it is closed with 1008, so that its client comes back and knows that it missed something
  skip,   ///< it does not get this one
};

struct group_options {
  /// Of what waits for one remote.
  std::size_t member_bytes = 256 * 1024;
  slow_member slow = slow_member::close;
  /// Of broadcasts that wait for one loop; what goes beyond it is dropped for all members of that loop.
  std::size_t queue_bytes = 16 * 1024 * 1024;
};

/// Threads: every member from any. Members that join while a broadcast is under way may get it or not; all others get
/// all broadcasts of one thread in their order, one that leaves those that were sent before. What a handler writes
/// itself may overtake them: where that matters, it lets its membership go first.
class group {
 public:
  using options = group_options;
  class membership;

  explicit group(options = {});

  /// From here on until the membership or the connection ends.
  [[nodiscard]] membership join(const stream&);

  /// Does not wait for anybody.   Errors: std::invalid_argument for a text that is not UTF-8.
  void send(const message&);
  void send(std::string_view text);

  /// Those whose connection has ended may be among them for as long as nothing is sent.
  std::size_t size() const;
  /// Broadcasts that were dropped for a whole loop, as it was too far behind.
  std::uint64_t dropped() const noexcept;

 private:
  struct member;
  struct loop_members;
  struct shared;

  void send(message_kind, std::string_view);

  std::shared_ptr<shared> shared_;
};

/// Leaves when it goes.
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
