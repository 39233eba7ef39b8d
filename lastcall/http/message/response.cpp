#include "lastcall/http/message/response.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/byte_scan.hpp"
#include "lastcall/http/message/upgrade.hpp"

namespace lastcall::inline v0::http {
namespace {

// Hop-by-hop fields and framing.   Source: RFC 9110 sections 7.6.1, 8.6 and 6.6.1.
constexpr std::array<std::string_view, 9> servers_own{"connection", "content-length",    "date",
                                                      "keep-alive", "proxy-connection",  "te",
                                                      "trailer",    "transfer-encoding", "upgrade"};

/// For messages: what can't be printed becomes a question mark, and the rest is cut.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, 64));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return '"' + out + (text.size() > 64 ? "...\"" : "\"");
}

void check(std::string_view name, std::string_view value) {
  if (!detail::is_token(name)) {
    throw std::invalid_argument("response header name " + shown(name) +
                                ": not a token; letters, digits and - are safe");
  }
  const auto own = [&](std::string_view s) { return detail::equal_ignoring_case(s, name); };
  if (std::any_of(servers_own.begin(), servers_own.end(), own)) {
    throw std::invalid_argument("response header " + shown(name) + ": the server sets it; leave it out");
  }
  if (const char* const end = value.data() + value.size(); detail::find_control(value.data(), end) != end) {
    throw std::invalid_argument("response header " + shown(name) + ": its value " + shown(value) +
                                " has a line break or another control character");
  }
}

/// The line "name: ..." in `lines` from `from` on: where it begins, and its size with the line break; size 0 when
/// absent.
struct line_place {
  std::size_t at = 0;
  std::size_t size = 0;
};

line_place find_line(std::string_view lines, std::string_view name) noexcept {
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t size = lines.find('\n', at) + 1 - at;
    if (lines[at + std::min(name.size(), size - 1)] == ':' &&
        detail::equal_ignoring_case(lines.substr(at, name.size()), name)) {
      return {at, size};
    }
    at += size;
  }
  return {};
}

}  // namespace

response::response(int status) : status_(status) {
  if (status < 200 || status > 599) {
    throw std::invalid_argument("response status " + std::to_string(status) + ": give 200 to 599");
  }
}

response& response::header(std::string_view name, std::string_view value) & {
  check(name, value);
  auto line = find_line(headers_.view(), name);
  if (line.size == 0) {
    headers_.add_line(name, value);
    return *this;
  }
  const std::string kept(value);  // it may be a view of the line that goes
  const std::string kept_name(name);
  for (; line.size != 0; line = find_line(headers_.view(), kept_name)) headers_.erase(line.at, line.size);
  headers_.add_line(kept_name, kept);
  return *this;
}

response& response::add_header(std::string_view name, std::string_view value) & {
  check(name, value);
  headers_.add_line(name, value);
  return *this;
}

std::string_view response::header(std::string_view name) const noexcept {
  const auto lines = headers_.view();
  const auto line = find_line(lines, name);
  return line.size == 0 ? std::string_view{} : lines.substr(line.at + name.size() + 2, line.size - name.size() - 4);
}

response text(std::string body, int status) {
  return response(status, "Content-Type: text/plain; charset=utf-8\r\n", std::move(body));
}

response html(std::string body, int status) {
  return response(status, "Content-Type: text/html; charset=utf-8\r\n", std::move(body));
}

response json(std::string body, int status) {
  return response(status, "Content-Type: application/json\r\n", std::move(body));
}

response status_only(int status) { return response(status); }

response detail::switching(std::shared_ptr<upgrade> to) {
  return response_access::with(response_access::with_status(101), {.upgrade = std::move(to)});
}

}  // namespace lastcall::inline v0::http
