// One event to thousands of streams: it is encoded once, and never waits for a slow reader. It keeps no old events: a
// client that comes back must get what it missed from elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "lastcall/http/sse/events.hpp"

namespace lastcall::inline v0::sse {

/// A complete route: `routes.events("/news", [g](sse::stream& s) { return g->follow(s); })`.
/// Threads: any, but `follow`, which is for coroutine handlers.
class group {
 public:
  group();
  ~group();
  group(const group&) = delete;
  group& operator=(const group&) = delete;

  /// Sends to all streams that follow now, in the order of the calls. A stream for which 64 KiB wait is dropped: it
  /// ends cleanly, and its client comes back. False: not sent, because 256 events are still being delivered. Errors:
  /// std::invalid_argument, as sse::append, and for more than 64 KiB.
  bool publish(const event& e);
  /// Returns when the stream ends or is dropped.
  task<> follow(stream& s);

  std::size_t size() const noexcept;
  /// How many streams were dropped so far.
  std::uint64_t dropped() const noexcept;

 private:
  struct state;
  struct member;
  const std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0::sse
