// One event to thousands of streams: encoded once, and nobody waits for a slow reader. Not a queue with a memory: who
// comes back asks elsewhere for what it has missed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "lastcall/http/sse/events.hpp"

namespace lastcall::inline v0::sse {

/// Whole as a route: `routes.events("/news", [g](sse::stream& s) { return g->follow(s); })`.
/// Threads: any, but `follow`, which is for coroutine handlers.
class group {
 public:
  group();
  ~group();
  group(const group&) = delete;
  group& operator=(const group&) = delete;

  /// To all that follow now, each in the order of the calls. A reader for which 64 KiB wait is dropped: its stream ends
  /// cleanly, and it comes back. False: not sent, since 256 events are on their way already.
  /// Errors: std::invalid_argument, as sse::append, and for more than 64 KiB.
  bool publish(const event& e);
  /// Until the stream ends or is dropped.
  task<> follow(stream& s);

  std::size_t size() const noexcept;
  /// Readers that were too slow, so far.
  std::uint64_t dropped() const noexcept;

 private:
  struct state;
  struct member;
  const std::shared_ptr<state> state_;
};

}  // namespace lastcall::inline v0::sse
