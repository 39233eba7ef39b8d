// One event to thousands of streams: it is encoded once, and never waits for a slow reader. It keeps no old events: a
// client that comes back must get what it missed from elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lastcall/http/sse/events.hpp"
#include "lastcall/net/loop/broadcast.hpp"

namespace lastcall::inline v0::sse {

/// Works as ws::group. A stream for which 64 KiB wait reads too slowly: it is dropped. It ends cleanly, so that its
/// client comes back, and `wait_for` of its handler returns false (`stream_end::too_slow`).
/// Threads: any, but `join` and `follow`, which are for coroutine handlers.
class group {
 public:
  using membership = net::broadcast::membership;

  group();

  /// The stream gets the events until the result is destroyed or its handler returns.
  [[nodiscard]] membership join(const stream&);
  /// Joins and waits: a complete route, `routes.events("/news", [g](sse::stream s) { return g->follow(std::move(s));
  /// })`. Returns when the stream ends or is dropped.
  task<> follow(stream s);

  /// Sends to all members, in the order of the calls. False: sent to nobody, because 16 MiB of events wait for a loop.
  /// Errors: std::invalid_argument, as sse::append, and for more than 64 KiB.
  bool send(const event& e);

  std::size_t size() const noexcept { return all_.size(); }
  /// How many streams were dropped so far.
  std::uint64_t dropped() const noexcept { return all_.dropped(); }

 private:
  struct member;
  net::broadcast all_;
};

}  // namespace lastcall::inline v0::sse
