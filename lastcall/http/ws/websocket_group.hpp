// A broadcast to many WebSockets: each message is encoded once, and never waits for a slow reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/net/loop/broadcast.hpp"

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
  /// How many bytes of broadcasts may wait for one loop.
  std::size_t queue_bytes = 16 * 1024 * 1024;
};

/// A member gets the broadcasts of one thread in their order. One that joins during a broadcast may miss it; one that
/// leaves gets those that were sent before. A handler's own writes may overtake broadcasts: where that matters, it ends
/// its membership first.   Threads: any.
class group {
 public:
  using options = group_options;
  using membership = net::broadcast::membership;

  explicit group(options = {});

  /// The stream gets the messages until the result is destroyed or its connection ends.
  [[nodiscard]] membership join(const stream&);

  /// Sends to all members. False: sent to nobody, because too many bytes wait for a loop; see `options::queue_bytes`.
  /// Errors: std::invalid_argument for a text that is not UTF-8.
  bool send(const message& m) { return send(m.kind, m.data); }
  bool send(std::string_view text) { return send(message_kind::text, text); }

  /// Counts also members whose connection has ended, until their handlers return.
  std::size_t size() const noexcept { return all_.size(); }
  /// How many members were closed so far, because they read too slowly.
  std::uint64_t dropped() const noexcept { return all_.dropped(); }

 private:
  struct member;
  bool send(message_kind, std::string_view);

  const options options_;
  net::broadcast all_;
};

}  // namespace lastcall::inline v0::ws
