// For tests: what a client makes of a stream of events, step by step as the standard has it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::sse {

/// Source: WHATWG HTML, section 9.2.6.
struct plain_event_reader {
  struct heard {
    std::string data, id, name;
    bool operator==(const heard&) const = default;
  };
  std::vector<heard> events;
  std::string retry, last_id;

  explicit plain_event_reader(std::string_view stream) {
    std::string data, name;
    bool any = false;
    while (!stream.empty()) {
      const auto end = stream.find_first_of("\r\n");
      if (end == stream.npos) return;  // an unfinished line is never looked at
      const std::string_view line = stream.substr(0, end);
      stream.remove_prefix(end + (stream.substr(end).starts_with("\r\n") ? 2 : 1));
      if (line.empty()) {
        if (any) events.push_back({data.substr(0, data.size() - 1), last_id, name});
        data.clear(), name.clear(), any = false;
        continue;
      }
      const auto colon = line.find(':');
      const std::string_view field = line.substr(0, colon);
      std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
      if (value.starts_with(' ')) value.remove_prefix(1);
      if (field == "data") data.append(value) += '\n', any = true;
      if (field == "event") name = value;
      if (field == "id" && value.find('\0') == value.npos) last_id = value;
      if (field == "retry" && value.find_first_not_of("0123456789") == value.npos) retry = value;
    }
  }
};

}  // namespace lastcall::inline v0::sse
