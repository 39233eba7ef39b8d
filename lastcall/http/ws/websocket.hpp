// WebSockets (RFC 6455): the stream that a route's handler reads and writes. A handler needs no shutdown code: its
// reads end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/ws/websocket_message.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/stream_handler.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http {
class handler;
}

namespace lastcall::inline v0::ws {

namespace detail {
struct conversation;
class session;
}  // namespace detail

/// Why there is nothing more to read: the remote closed, the server drains, the remote was silent for too long, or the
/// connection ended (a reset, an error of the protocol, a Close of this side, the server's force).
using net::stream_end;

class group;

struct stream_options {
  /// The largest message, in any number of frames. A larger one ends the connection with 1009.
  std::size_t max_message_bytes = 1024 * 1024;
  /// The subprotocols of the server, best first. The first one that the client offers is used; if it offers none, none
  /// is. Tokens.
  std::vector<std::string> subprotocols = {};
  /// Pages that may connect, as in their Origin header: "https://example.org"; others get 403. Empty: any. Clients that
  /// send none are no browsers, and are let in. What no page can send is refused: a path, a usual port.
  std::vector<std::string> origins = {};
  /// A remote that was silent for this time gets a ping. 0: never.
  duration idle_ping_after = std::chrono::seconds(20);
  /// A remote that is then silent for this time is dead: its connection ends as timed out.
  duration pong_time = std::chrono::seconds(10);
  /// The longest time without progress while bytes wait for the remote.
  duration write_time = std::chrono::seconds(30);
  /// The time for the remote's part of the closing handshake; and, in a drain, for a remote to take what a handler
  /// writes. A handler's own work is bounded by the drain end only.
  duration goodbye_time = std::chrono::seconds(3);
  /// Bytes of messages that were not read. Beyond it, reading stops (back-pressure).
  std::size_t input_bytes = 64 * 1024;
  /// Bytes that were written and not sent. Beyond it, writers wait. One message may exceed it.
  std::size_t output_bytes = 64 * 1024;
  /// The close code in a drain: 1001, or 1012 (service restart) for clients that know it.
  std::uint16_t drain_code = close_code::going_away;
};

/// One WebSocket, as its handler sees it: a handle. When the handler returns, the closing handshake begins: with 1000,
/// with `drain_code` while draining, with 1011 if it threw. Threads: one at a time, except that one coroutine may read
/// while another writes. Coroutines on their loop's thread,
/// `_blocking` on any other.
class stream {
 public:
  stream(stream&&) noexcept = default;
  stream& operator=(stream&&) noexcept = default;

  /// The next message. Empty once there will be no more: the remote has closed, or the server drains. Every whole
  /// message that was received before is returned first. Pings are answered meanwhile.
  task<std::optional<message>> read();
  /// True: taken, which is with the kernel or in the write queue. False: not sent, because nothing more can be sent:
  /// the connection ends. The argument must stay valid until it returns.   Errors: std::invalid_argument for a text
  /// that is not UTF-8.
  task<bool> write(const message&);
  task<bool> write(std::string_view text);
  task<bool> write_binary(std::string_view bytes);
  /// At most 125 bytes.   Errors: std::invalid_argument. Not needed to find dead remotes: see
  /// `stream_options::idle_ping_after`.
  task<bool> ping(std::string_view data = {});
  /// Begins the closing handshake and waits for its end. True: the remote has answered. Later messages are ignored.
  /// Errors: std::invalid_argument for a code that may not be sent, or a reason of more than 123 bytes.
  task<bool> close(std::uint16_t code = close_code::normal, std::string_view reason = {});

  std::optional<message> read_blocking();
  bool write_blocking(const message&);
  bool write_blocking(std::string_view text);
  bool close_blocking(std::uint16_t code = close_code::normal, std::string_view reason = {});

  /// Drains at this connection's moment in the jitter window. Forced when the connection has ended.
  const context& life() const noexcept;
  const net::endpoint& remote() const noexcept;
  /// The subprotocol in use; empty: none.
  const std::string& subprotocol() const noexcept;
  /// Why the last read gave nothing.
  stream_end end() const noexcept;
  /// After stream_end::remote: the code of its Close. 1005: a Close without a code. 1006: no Close.
  std::uint16_t remote_code() const noexcept;
  const std::string& remote_reason() const noexcept;

 private:
  friend class detail::session;
  friend class group;
  explicit stream(std::shared_ptr<detail::conversation> c) noexcept : shared_(std::move(c)) {}

  std::shared_ptr<detail::conversation> shared_;
};

using net::blocking;

/// `task<>(stream)`, a coroutine on the loop's thread, or `ws::blocking(f)` with `void(stream)`; each also with a
/// `const http::request&` before it: a copy of the handshake's, which stays as long as the handler runs. When the
/// blocking pool is full the remote gets 1013, try again later.
/// Called by several threads at once, so a mutable lambda is not accepted.   Errors: what it throws is a line of the
/// log, and 1011 for the remote.
class handler : public net::stream_handler<stream, const http::request&> {
 public:
  using stream_handler::stream_handler;
};

/// For router::websocket, which says what it answers.   Errors: std::invalid_argument for options that can't work.
http::handler handler_for(std::string_view pattern, handler h, stream_options o);

}  // namespace lastcall::inline v0::ws
