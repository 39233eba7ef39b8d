// Thousands of WebSocket clients in one thread, each of which keeps to RFC 6455 and says exactly what became of it.
// Not a WebSocket library: it echoes, counts and ends, and knows nothing else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/deadline.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace lastcall::inline v0::testing {

struct websocket_crowd_options {
  std::string path = "/ws";
  std::size_t connections = 1;
  /// Answers the server's Close, as it should. Without: a client that has hung.
  bool answers_close = true;
};

/// What became of one.
struct websocket_end {
  std::uint16_t code = 1006;  ///< the server's; 1006: its end came without a Close; 1005: with one that has no code
  bool fin = false;           ///< then the server ended TCP in order
  bool reset = false;         ///< or by a reset
  time_point close_at = {};   ///< its Close came
  time_point end_at = {};     ///< the end of TCP came
  std::uint64_t sent = 0;     ///< messages
  std::uint64_t echoed = 0;   ///< of those, that came back
  bool wrong = false;         ///< something came that was not right: an echo that is none, a frame that is broken

  bool open() const noexcept { return !fin && !reset; }
};

/// Threads: one. Errors: std::system_error; std::runtime_error when a server does not agree to a handshake.
class websocket_crowd {
 public:
  using options = websocket_crowd_options;

  websocket_crowd(const server_address&, options);
  ~websocket_crowd();

  /// All have connected and shaken hands.   Blocks: until `by`.   False: not all.
  bool open(deadline by);
  /// Each says something and waits for its echo, and so on, `messages` times in all; those whose server says Close
  /// stop. Between echo and next message it waits `pause`.   Blocks: until all have done so, or `by`. False: not all.
  bool converse(std::uint64_t messages, duration pause, deadline by);
  /// Answers what is to be answered until `by`, or until all have ended: true.
  bool wait_for_ends(deadline by);
  /// How many have not ended.
  std::size_t left() const noexcept;
  const std::vector<websocket_end>& ends() const noexcept;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::testing
