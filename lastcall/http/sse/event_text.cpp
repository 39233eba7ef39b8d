#include "lastcall/http/sse/event_text.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace lastcall::inline v0::sse {

namespace {

using namespace std::string_view_literals;

/// Each line of `text` behind `name`; there is always one. A line ends with CR, LF or both.
void append_lines(std::string& to, std::string_view name, std::string_view text) {
  for (;;) {
    const std::size_t end = text.find_first_of("\r\n");
    to.append(name).append(text.substr(0, end)) += '\n';
    if (end == text.npos) return;
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

void refuse(std::string_view what, std::string_view value, std::string_view without) {
  if (value.find_first_of(without) == value.npos) return;
  throw std::invalid_argument(std::string("sse: ").append(what).append(
      " must be one line: what follows in it would be taken for another field"));
}

}  // namespace

void append(std::string& to, const event& e) {
  if (e.id) refuse("an id, which may have no NUL either,", *e.id, "\r\n\0"sv);
  refuse("an event's name", e.event, "\r\n"sv);
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
