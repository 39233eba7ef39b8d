// Server-sent events as bytes: an event, a comment, a hint when to come back. Pure; who sends them is events.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::sse {

/// One event as a client's EventSource hands it out: `data` to the listeners of `event`.
struct event {
  /// Any text in UTF-8. CR, LF and CRLF in it arrive as LF.
  std::string_view data = {};
  /// What the client says in Last-Event-ID when it comes back; an empty one makes it forget, none leaves it as it was.
  std::optional<std::string_view> id = {};
  /// Empty: "message".
  std::string_view event = {};
};

/// Appends one event.
/// Errors: std::invalid_argument for an id with CR, LF or NUL, or an event's name with CR or LF: the client would take
/// the rest for another field.   Source: WHATWG HTML, section 9.2.6.
void append(std::string& to, const event& e);

/// A comment of any text, line by line: clients ignore it, and the network sees that something is alive.
void append_comment(std::string& to, std::string_view text);

/// How long the client is to wait before it comes back; whole milliseconds, none below zero.
void append_retry(std::string& to, duration wait);

}  // namespace lastcall::inline v0::sse
