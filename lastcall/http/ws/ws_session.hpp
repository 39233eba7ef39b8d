// The session of one WebSocket: its bytes to the protocol, its messages to the handler, its end by the handshake.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/http/message/request.hpp"
#include "lastcall/http/message/upgrade.hpp"
#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/ws_protocol.hpp"
#include "lastcall/net/session/session.hpp"

namespace lastcall::inline v0::http::detail {
class shard;
struct websocket_counts;
}  // namespace lastcall::inline v0::http::detail

namespace lastcall::inline v0::ws::detail {

/// One route, shared with all that came of it.
struct route {
  route(ws::handler h, ws::options o, std::string_view at);

  const ws::handler handle;
  const ws::options settings;
  const std::string pattern;
  const net::session_limits limits;
};

/// A copy of the handshake's request, for handlers that want it.
struct kept_request {
  std::unique_ptr<char[]> head;
  http::request req;
};

/// What a handler's stream and its session share; either may be gone first. Whole messages are here, so that they are
/// delivered also when the connection has ended.
struct conversation {
  std::shared_ptr<net::session_link> link;
  std::string subprotocol;

  // The loop's thread:
  std::vector<message> ready;
  std::size_t next = 0;  // of those
  std::size_t bytes = 0;
  std::uint16_t remote_code = 0;  // once its Close came; the reader's once the connection has ended
  std::string remote_reason;

  // The reader's:
  read_end end = read_end::none;
  std::uint16_t reported_code = close_code::gone;
  std::string reported_reason;

  void put(message&&);
  std::optional<message> take() noexcept;
};

/// What becomes of a write that is tried.
enum class written : unsigned char { yes, not_yet, never };

class session final : public net::session {
 public:
  /// Begins soon, by itself: one that has not taken its predecessor's place yet can't end.
  session(net::connection& before, std::string behind, std::shared_ptr<const route>, std::shared_ptr<conversation>,
          std::unique_ptr<kept_request>, http::detail::shard&);

  /// A message was taken: there is room for further ones.
  void on_message_taken() noexcept;
  /// Whether there will be no further message; then `end` says why.
  bool reading_over(read_end& end) noexcept;
  written put(opcode, std::string_view payload) noexcept;
  /// Our Close, unless it is out.
  void begin_close(std::uint16_t code, std::string_view reason) noexcept;
  /// The closing handshake is over, or has no chance any more.
  bool closed() const noexcept { return protocol_.over() || input_over() || remote_time_over(); }
  bool remote_has_closed() const noexcept { return protocol_.close_received(); }

  /// A frame of a broadcast, if no more than `most` bytes then wait for the remote. What becomes of who is too slow.
  enum class slow : unsigned char { close, skip };
  void push(std::string_view frame, std::size_t most, slow) noexcept;

 private:
  void on_input() noexcept override;
  void on_sent() noexcept override;
  void on_goodbye() noexcept override;
  void on_idle() noexcept override;
  time_point idle_at() const noexcept override;
  bool outlasts_remote() const noexcept override { return net::session::outlasts_remote() && !protocol_.close_sent(); }
  void on_handler_over(std::exception_ptr) noexcept override;
  void on_end(net::connection_end) noexcept override;
  std::optional<time_point> works_since() const override;
  std::string work_label() const override;

  void begin() noexcept;
  void read_frames() noexcept;
  void ignore_messages() noexcept;
  void handshake_over() noexcept;
  bool full() const noexcept;

  const std::shared_ptr<const route> route_;
  const std::shared_ptr<conversation> conversation_;
  std::unique_ptr<kept_request> request_;
  http::detail::shard& shard_;
  http::detail::websocket_counts& counts_;
  protocol protocol_;
  std::optional<std::size_t> left_to_deliver_;  // bytes that had come when we were told
  bool ignoring_ = false;
  bool pinged_ = false;
  time_point quiet_since_;  // the remote, or we had no ear for it; since the ping if there was one
  time_point busy_since_;
};

/// Of a handshake that was accepted.
class websocket_upgrade final : public http::detail::upgrade {
 public:
  websocket_upgrade(std::shared_ptr<const route> r, std::string subprotocol, std::unique_ptr<kept_request> request)
      : route_(std::move(r)), subprotocol_(std::move(subprotocol)), request_(std::move(request)) {}

  std::string_view protocol() const noexcept override { return "websocket"; }
  std::unique_ptr<net::connection> make_replacement(net::connection& before, std::string behind,
                                                    http::detail::shard&) override;

 private:
  std::shared_ptr<const route> route_;
  std::string subprotocol_;
  std::unique_ptr<kept_request> request_;
};

}  // namespace lastcall::inline v0::ws::detail
