// RFC 6455 without I/O. Two states are kept: in_frame_ (the head of a frame was read, its payload is incomplete) and
// in_message_ (a fragment came, and the last one did not). Control frames may stand between the fragments of a message,
// so both are independent. After Close was received or an error was found, over() is true, and all bytes are dropped.
// Errors are found at the first byte that shows them: so the result does not depend on how the bytes are split.
#include "lastcall/http/ws/ws_protocol.hpp"

#include <algorithm>
#include <utility>

namespace lastcall::inline v0::ws::detail {

/// Loops over frames without an event, such as fragments.
event protocol::next(std::string_view& in, std::string& out) {
  if (over()) {
    in = {};
    return event::more;
  }
  for (;;) {
    if (!in_frame_) {
      const head_parse head = parse_frame_head(in, frame_);
      if (head.error) return fail(out, close_code::protocol_error, head.error);
      // The second byte has the mask bit: checked before the rest of the head arrives.
      if (in.size() >= 2 && !frame_.masked)
        return fail(out, close_code::protocol_error, "a client's frame is not masked");
      if (head.bytes == 0) return event::more;
      in.remove_prefix(head.bytes);
      if (const event wrong = begin_frame(out); wrong != event::more) return wrong;
    }
    const std::string_view part = in.substr(0, static_cast<std::size_t>(frame_.length - frame_at_));
    if (!keep(part)) return fail(out, close_code::not_utf8, "a text that is not UTF-8");
    in.remove_prefix(part.size());
    frame_at_ += part.size();
    if (frame_at_ < frame_.length) return event::more;
    in_frame_ = false;
    const event now = is_control(frame_.code) ? end_control(out) : frame_.fin ? end_message(out) : event::more;
    if (now != event::more) return now;
  }
}

/// The head of a frame was read: checks how it may continue the message.   Source: RFC 6455 section 5.4.
event protocol::begin_frame(std::string& out) {
  in_frame_ = true;
  frame_at_ = 0;
  if (is_control(frame_.code)) return event::more;
  if (frame_.code == opcode::continuation) {
    if (!in_message_) return fail(out, close_code::protocol_error, "a continuation of nothing");
  } else {
    if (in_message_) return fail(out, close_code::protocol_error, "a new message within another");
    in_message_ = true;
    ignored_ = ignoring_;
    message_.kind = frame_.code == opcode::text ? message_kind::text : message_kind::binary;
    text_ = {};
  }
  if (!ignored_ && frame_.length > most_ - message_.data.size())
    return fail(out, close_code::too_big, "a message of more bytes than are taken");
  return event::more;
}

/// A part of the payload: unmasked, and that of a text checked as it arrives. False: it is not UTF-8. An ignored
/// message is only counted through; a control frame has at most 125 bytes.
bool protocol::keep(std::string_view part) {
  if (part.empty() || (ignored_ && !is_control(frame_.code))) return true;
  if (is_control(frame_.code)) {
    part.copy(control_.data() + frame_at_, part.size());
    apply_mask(control_.data() + frame_at_, part.size(), frame_.mask, frame_at_);
    return true;
  }
  const std::size_t from = message_.data.size();
  message_.data.append(part);
  apply_mask(message_.data.data() + from, part.size(), frame_.mask, frame_at_);
  return message_.kind != message_kind::text || text_.feed(std::string_view(message_.data).substr(from));
}

/// The last fragment is complete.
event protocol::end_message(std::string& out) {
  in_message_ = false;
  if (std::exchange(ignored_, false)) return event::ignored;
  if (message_.kind == message_kind::text && !text_.complete())
    return fail(out, close_code::not_utf8, "a text that ends within a character");
  return event::message;
}

message protocol::take_message() noexcept {
  message taken{message_.kind, std::move(message_.data)};
  message_.data = std::string();
  return taken;
}

/// Also drops the message that is incomplete now.
void protocol::ignore_messages() noexcept {
  ignoring_ = true;
  if (!in_message_) return;
  ignored_ = true;
  message_.data = std::string();
}

/// What a control frame means.
event protocol::end_control(std::string& out) {
  const std::string_view payload(control_.data(), frame_.length);
  switch (frame_.code) {
    case opcode::ping:
      // RFC 6455 section 5.5.2: a ping is answered unless Close was received. After this side's Close nothing may be
      // sent.
      if (!close_sent_) append_frame(out, opcode::pong, payload);
      return event::ping;
    case opcode::pong:
      return event::pong;
    default:
      return read_close(payload, out);
  }
}

/// The remote's Close. Answers with the same code, unless this side's Close was sent before.
event protocol::read_close(std::string_view body, std::string& out) {
  if (body.size() == 1) return fail(out, close_code::protocol_error, "a Close with half a code");
  std::uint16_t code = close_code::none;
  if (body.size() >= 2) {
    code = static_cast<std::uint16_t>(static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]));
    if (!may_be_sent(code)) return fail(out, close_code::protocol_error, "a Close with a code that may not be sent");
    if (!lastcall::detail::is_utf8(body.substr(2)))
      return fail(out, close_code::not_utf8, "a Close whose reason is not UTF-8");
    reason_ = body.substr(2);
  }
  code_ = code;
  close(out, code, {});
  close_received_ = true;
  message_.data = std::string();
  return event::close;
}

/// Sends Close once. A reason that is too long is cut.
void protocol::close(std::string& out, std::uint16_t code, std::string_view reason) {
  if (std::exchange(close_sent_, true)) return;
  std::string body;
  if (code != close_code::none) {
    body += static_cast<char>(code >> 8);
    body += static_cast<char>(code & 0xff);
    std::size_t size = std::min(reason.size(), most_control_bytes - 2);
    // does not cut inside a UTF-8 character
    while (size < reason.size() && size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80) --size;
    body += reason.substr(0, size);
  }
  append_frame(out, opcode::close, body);
}

/// The remote broke the protocol or a limit: sends Close with the reason, and reads nothing more.
event protocol::fail(std::string& out, std::uint16_t code, const char* why) {
  failed_ = true;
  close(out, code, why);
  message_.data = std::string();
  return event::failed;
}

}  // namespace lastcall::inline v0::ws::detail
