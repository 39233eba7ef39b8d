// One WebSocket connection: it feeds received bytes to the protocol, messages to the handler, and ends by the closing
// handshake.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/upgrade.hpp"
#include "lastcall/http/ws/websocket.hpp"
#include "lastcall/http/ws/websocket_group.hpp"
#include "lastcall/http/ws/ws_protocol.hpp"
#include "lastcall/net/session/session.hpp"

namespace lastcall::inline v0::http::detail {
class shard;
struct websocket_counts;
}  // namespace lastcall::inline v0::http::detail

namespace lastcall::inline v0::ws::detail {

/// One route, shared by all its sessions.
struct route {
  route(ws::handler h, ws::stream_options o, std::string_view at);

  const ws::handler handle;
  const ws::stream_options settings;
  const std::string pattern;
  const net::session_limits limits;
};

using http::detail::kept_request;  // that of the handshake, for handlers that take it

/// What a handler's stream and its session share. Either may end first. Whole messages wait here, so that the handler
/// gets them also after the connection has ended.
struct conversation {
  std::shared_ptr<net::session_link> link;
  std::string subprotocol;

  // Used on the loop's thread only:
  std::vector<message> ready;
  std::size_t next = 0;  // the first of `ready` that was not taken
  std::size_t bytes = 0;
  std::uint16_t remote_code = 0;  // 0 until its Close arrived; used by the reader once the connection has ended
  std::string remote_reason;

  // Used by the handler's thread only:
  stream_end end = stream_end::none;
  std::uint16_t reported_code = close_code::gone;
  std::string reported_reason;

  void put(message&&);
  std::optional<message> take() noexcept;
};

/// The opcode of a message to send.   Errors: std::invalid_argument for a text that is not UTF-8.
opcode checked(message_kind, std::string_view data);

/// The result of one attempt to write.
enum class written : unsigned char { yes, not_yet, never };

class session final : public net::session {
 public:
  /// Posts its beginning to the loop: before replace() has put it in the place of `before`, it can't end.
  session(net::connection& before, std::string behind, std::shared_ptr<const route>, std::shared_ptr<conversation>,
          std::unique_ptr<kept_request>, http::detail::shard&);

  /// The handler took a message, so there is room for more.
  void on_message_taken() noexcept;
  /// Returns whether no further message will come; `end` then says why.
  bool reading_over(stream_end& end) noexcept;
  written put(opcode, std::string_view payload) noexcept;
  /// Sends Close, unless it was sent.
  void begin_close(std::uint16_t code, std::string_view reason) noexcept;
  /// The closing handshake is over, or can't be completed.
  bool closed() const noexcept { return protocol_.over() || input_over() || remote_time_over(); }

  /// Sends a frame of a broadcast if then at most `most` bytes wait for the remote. False: it was closed instead.
  bool push(std::string_view frame, std::size_t most, slow_member) noexcept;

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
  bool full() const noexcept;

  const std::shared_ptr<const route> route_;
  const std::shared_ptr<conversation> conversation_;
  std::unique_ptr<kept_request> request_;
  http::detail::shard& shard_;
  http::detail::websocket_counts& counts_;
  protocol protocol_;
  std::optional<std::size_t> left_to_deliver_;  // in a drain: received bytes whose messages are still delivered
  bool ignoring_ = false;                       // messages are not delivered any more
  bool pinged_ = false;                         // a ping was sent, and nothing came since
  time_point quiet_since_;                      // since when nothing came, counted from the ping if one was sent
  time_point busy_since_;                       // for the report of work in progress
};

/// An accepted handshake: makes the session in the place of the HTTP/1.1 connection.
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
