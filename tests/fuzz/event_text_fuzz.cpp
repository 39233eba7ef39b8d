// Server-sent events: whatever an event holds, a client hands out that and nothing else, or it is refused. The input is
// data, id and name, with a byte 0xff between them; a comment of the same bytes stands before.
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lastcall/core/utf8.hpp"
#include "lastcall/http/sse/event_text.hpp"
#include "lastcall/http/sse/event_text_test.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

/// Line ends as a client has them.
std::string with_line_feeds(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      plain += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      plain += '\n';
    }
  }
  return plain;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  namespace sse = lastcall::sse;
  const exact_copy all(text(data, size));
  std::string_view parts[3], rest = all.view();
  for (std::string_view& part : parts) {
    part = rest.substr(0, rest.find('\xff'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  const auto is_line = [](std::string_view s) { return s.find_first_of("\r\n") == s.npos; };
  const auto comes_back = [](std::string_view id) {  // as Last-Event-ID
    for (const unsigned char c : id)
      if ((c < ' ' && c != '\t') || c == 0x7f) return false;
    const std::string_view edge = " \t";
    const bool trimmed = id.empty() || (edge.find(id.front()) == edge.npos && edge.find(id.back()) == edge.npos);
    return trimmed && id.size() <= 1024 && lastcall::detail::is_utf8(id);
  };
  const bool sound = comes_back(parts[1]) && is_line(parts[2]);

  std::string stream;
  sse::append_comment(stream, all.view());
  const std::string before = stream;
  try {
    sse::append(stream, {.data = parts[0], .id = parts[1], .event = parts[2]});
  } catch (const std::invalid_argument&) {
    require(!sound, "only what would become another field, or another id, is refused");
    require(stream == before, "what is refused leaves nothing");
    return 0;
  }
  require(sound, "what would become another field, or another id, is refused");
  sse::append(stream, {.data = "next"});
  const sse::plain_event_reader heard(stream);
  require(heard.events.size() == 2, "one event each, and the comment is none");
  require(heard.events[0].data == with_line_feeds(parts[0]), "the data arrives");
  require(heard.events[0].id == parts[1] && heard.events[0].name == parts[2], "id and name arrive");
  require(heard.events[1].data == "next" && heard.events[1].name.empty(), "the next one is untouched");
  require(heard.retry.empty(), "no other field");
  return 0;
}
