// Server-sent events as bytes: an event, a comment, a retry time. Pure: events.hpp sends them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::sse {

/// One event. A client's EventSource gives `data` to the listeners of `event`.
struct event {
  /// Any text in UTF-8. CR, LF and CRLF in it arrive as LF.
  std::string_view data = {};
  /// The client sends it in Last-Event-ID when it comes back. Empty: the client forgets its last id. None: it keeps it.
  std::optional<std::string_view> id = {};
  /// Empty: "message".
  std::string_view event = {};
};

/// Appends one event.
/// Errors: std::invalid_argument for an event's name with CR or LF, since the client would take the rest for another
/// field; and for an id that would not come back as Last-Event-ID: control characters, a space at an end, more than
/// 1,024 bytes, no UTF-8.   Source: WHATWG HTML, section 9.2.6.
void append(std::string& to, const event& e);

/// Appends a comment of any text, line by line. Clients ignore it; proxies see that the connection is alive.
void append_comment(std::string& to, std::string_view text);

/// Appends how long the client waits before it comes back, in whole milliseconds, at least 0.
void append_retry(std::string& to, duration wait);

}  // namespace lastcall::inline v0::sse
