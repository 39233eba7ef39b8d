// The server's side of RFC 6455 once the handshake is over: bytes in, events and answers out. No I/O, no time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/http/ws/utf8_check.hpp"
#include "lastcall/http/ws/websocket_message.hpp"
#include "lastcall/http/ws/ws_frame.hpp"

namespace lastcall::inline v0::ws::detail {

enum class event : unsigned char {
  more,     ///< nothing yet: more bytes are needed
  message,  ///< one is whole: take_message()
  ignored,  ///< one is whole that nobody is to have
  ping,     ///< was answered
  pong,
  close,   ///< the remote's Close: answered, unless it answers ours; nothing is read after it
  failed,  ///< the remote broke the protocol or a limit: told so, unless our Close is out; nothing is read after it
};

/// Whole or byte by byte, the same events and the same answers.
class protocol {
 public:
  /// `message_bytes`: of one message.
  explicit protocol(std::size_t message_bytes) noexcept : most_(message_bytes) {}

  /// Takes bytes from the front of `in` until something has happened or more are needed; what it calls for is appended
  /// to `out`. After `close` and `failed` it takes all that comes, and says `more`.
  event next(std::string_view& in, std::string& out);
  /// After event::message; leaves nothing behind.
  message take_message() noexcept;
  /// Messages that are not whole by now are ignored from here on.
  void ignore_messages() noexcept;

  /// Our Close, unless one is out already. `code` 1005: without a code. A reason that is too long is cut.
  void close(std::string& out, std::uint16_t code, std::string_view reason);

  bool close_sent() const noexcept { return close_sent_; }
  bool close_received() const noexcept { return close_received_; }
  bool failed() const noexcept { return failure_ != nullptr; }
  /// Nothing is to be read any more.
  bool over() const noexcept { return close_received_ || failed(); }
  /// What was wrong; null unless failed.
  const char* failure() const noexcept { return failure_; }
  /// The remote's code, 1005 if its Close had none; and its reason.
  std::uint16_t close_code() const noexcept { return code_; }
  const std::string& close_reason() const noexcept { return reason_; }

 private:
  event begin_frame(std::string& out);
  event data(std::string_view& in, std::string& out);
  event control(std::string_view& in, std::string& out);
  event end_message(std::string& out);
  event read_close(std::string& out);
  event fail(std::string& out, std::uint16_t code, const char* why);

  std::size_t most_;
  frame_head frame_;
  std::uint64_t frame_at_ = 0;  // of its payload
  bool in_frame_ = false;
  bool in_message_ = false;  // a fragment came, and the last one did not
  bool ignoring_ = false;
  bool ignored_ = false;  // the present message is
  bool close_sent_ = false;
  bool close_received_ = false;
  std::uint8_t control_size_ = 0;
  http::detail::utf8_check text_;
  std::uint16_t code_ = 0;
  message message_;
  std::array<char, most_control_bytes> control_;
  std::string reason_;
  const char* failure_ = nullptr;
};

}  // namespace lastcall::inline v0::ws::detail
