// The server's side of RFC 6455 once the handshake is over: bytes in, events and answers out. No I/O, no time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/core/utf8.hpp"
#include "lastcall/http/ws/websocket_message.hpp"
#include "lastcall/http/ws/ws_frame.hpp"

namespace lastcall::inline v0::ws::detail {

enum class event : unsigned char {
  more,     ///< nothing yet: more bytes are needed
  message,  ///< one is whole: take_message()
  ignored,  ///< one is complete, and was dropped
  ping,     ///< one came, and was answered
  pong,
  close,   ///< the remote's Close. It was answered, unless it is an answer itself. Nothing is read after it
  failed,  ///< the remote broke the protocol or a limit. It was sent Close, unless Close was sent before. Nothing is
           ///< read after it
};

/// Gives the same events and answers however the bytes are split.
class protocol {
 public:
  /// `message_bytes`: of one message.
  explicit protocol(std::size_t message_bytes) noexcept : most_(message_bytes) {}

  /// Takes bytes from the front of `in`, until there is an event or more bytes are needed. Appends what must be sent to
  /// `out`. After `close` and `failed` it takes all bytes and returns `more`.
  event next(std::string_view& in, std::string& out);
  /// The message, after event::message.
  message take_message() noexcept;
  /// From now on messages are dropped, also one that is incomplete now.
  void ignore_messages() noexcept;

  /// Appends Close, unless one was sent. `code` 1005: a Close without a code. A reason that is too long is cut.
  void close(std::string& out, std::uint16_t code, std::string_view reason);

  bool close_sent() const noexcept { return close_sent_; }
  bool close_received() const noexcept { return close_received_; }
  bool failed() const noexcept { return failed_; }
  /// Nothing more is read.
  bool over() const noexcept { return close_received_ || failed(); }
  /// The remote's code, 1005 if its Close had none; and its reason.
  std::uint16_t close_code() const noexcept { return code_; }
  const std::string& close_reason() const noexcept { return reason_; }

 private:
  event begin_frame(std::string& out);
  bool keep(std::string_view part);
  event end_control(std::string& out);
  event end_message(std::string& out);
  event read_close(std::string_view body, std::string& out);
  event fail(std::string& out, std::uint16_t code, const char* why);

  std::size_t most_;
  frame_head frame_;
  std::uint64_t frame_at_ = 0;  // of its payload
  bool in_frame_ = false;
  bool in_message_ = false;  // a fragment came, and the last one did not
  bool ignoring_ = false;
  bool ignored_ = false;  // the current message is dropped
  bool close_sent_ = false;
  bool close_received_ = false;
  bool failed_ = false;
  lastcall::detail::utf8_check text_;
  std::uint16_t code_ = 0;
  message message_;
  std::array<char, most_control_bytes> control_;
  std::string reason_;
};

}  // namespace lastcall::inline v0::ws::detail
