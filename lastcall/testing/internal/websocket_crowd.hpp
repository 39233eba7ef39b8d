// Thousands of WebSocket clients in one thread, by the rules of RFC 6455, which report exactly how each ended. Not a
// WebSocket library: the clients send, check the echo, and close.
#pragma once

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
  /// Answers the server's Close, as RFC 6455 wants. False: like a client that hangs.
  bool answers_close = true;
};

/// How one client ended.
struct websocket_end {
  std::uint16_t code = 1006;  ///< of the server's Close; 1006: there was no Close; 1005: a Close without a code
  bool fin = false;           ///< then the server's FIN came
  bool reset = false;         ///< or its reset
  time_point close_at = {};   ///< when its Close came
  time_point end_at = {};     ///< when its FIN or reset came
  std::uint64_t sent = 0;     ///< messages
  std::uint64_t echoed = 0;   ///< messages that came back
  bool wrong = false;         ///< a wrong echo or a malformed frame came

  bool open() const noexcept { return !fin && !reset; }
};

/// Threads: one. Errors: std::system_error; std::runtime_error when the server refuses a handshake.
class websocket_crowd {
 public:
  using options = websocket_crowd_options;

  websocket_crowd(const server_address&, options);
  ~websocket_crowd();

  /// Connects all clients, with their handshakes. False: not all, by `by`.   Blocks: until `by`.
  bool open(deadline by);
  /// Each client sends a message and waits for its echo, `messages` times, with a `pause` in between; after the
  /// server's Close it stops. False: not all have finished by `by`.   Blocks: until `by`.
  bool converse(std::uint64_t messages, duration pause, deadline by);
  /// Answers pings and Closes until all clients have ended (true), or until `by`.
  bool wait_for_ends(deadline by);
  /// How many clients have not ended.
  std::size_t left() const noexcept;
  const std::vector<websocket_end>& ends() const noexcept;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::testing
