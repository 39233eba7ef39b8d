#include "lastcall/http/sse/event_text.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

#include "lastcall/core/utf8.hpp"
#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::sse {

namespace {

/// Each line of `text` behind `name`; there is always one. A line ends with CR, LF or both.
void append_lines(std::string& to, std::string_view name, std::string_view text) {
  for (;;) {
    const std::size_t end = text.find_first_of("\r\n");
    to.append(name).append(text.substr(0, end)) += '\n';
    if (end == text.npos) return;
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

[[noreturn]] void refuse(std::string_view what) { throw std::invalid_argument(std::string("sse: ").append(what)); }

/// A client sends it back as Last-Event-ID: it must pass as the value of a header, and come back as it was.
void check_id(std::string_view id) {
  constexpr std::size_t most = 1024;
  if (std::ranges::any_of(id, http::detail::is_control))
    refuse("an id must be one line without control characters: its client sends it back in a header");
  if (http::detail::trimmed(id).size() != id.size())
    refuse("an id must not begin or end with a space: it comes back without");
  if (id.size() > most) refuse("an id has at most 1,024 bytes: its client sends it back in a header");
  if (!lastcall::detail::is_utf8(id)) refuse("an id must be UTF-8: clients change all else");
}

}  // namespace

void append(std::string& to, const event& e) {
  if (e.id) check_id(*e.id);
  if (e.event.find_first_of("\r\n") != e.event.npos)
    refuse("an event's name must be one line: what follows in it would be taken for another field");
  to.reserve(to.size() + e.data.size() + e.event.size() + 64);
  if (e.id) to.append("id: ").append(*e.id) += '\n';
  if (!e.event.empty()) to.append("event: ").append(e.event) += '\n';
  append_lines(to, "data: ", e.data);
  to += '\n';
}

void append_comment(std::string& to, std::string_view text) {
  append_lines(to, text.empty() ? ":" : ": ", text);
  to += '\n';
}

void append_retry(std::string& to, duration wait) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(wait, duration::zero())).count();
  to.append("retry: ").append(std::to_string(ms)).append("\n\n");
}

}  // namespace lastcall::inline v0::sse
