// Responses as bytes of HTTP/1.1. The fixed lines are put together on the stack, and short responses as a whole, so
// that the usual response is appended to `out` in one step.
#include "lastcall/http/h1/h1_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

#include "lastcall/http/message/response.hpp"
#include "lastcall/http/message/status.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

constexpr std::size_t date_bytes = 29;
constexpr std::string_view close_line = "Connection: close\r\n";
constexpr std::string_view keep_line = "Connection: keep-alive\r\n";

/// The server's own lines of a response; and the handler's headers and body, if they are short. Built on the stack:
/// that is cheaper than many appends to a string.
class own_lines {
 public:
  static constexpr std::size_t most_bytes = 256;   // a status line of less than 64 bytes, and three lines
  static constexpr std::size_t room_behind = 512;  // for headers and a body

  own_lines(int status, std::string_view date) noexcept {
    if (status == 200) {
      add_literal("HTTP/1.1 200 OK\r\nDate: ");
    } else {
      add_literal("HTTP/1.1 ");
      add(static_cast<std::uint64_t>(status));
      add_literal(" ");
      add(reason_phrase(status));
      add_literal("\r\nDate: ");
    }
    if (date.size() == date_bytes) {  // always, except in tests
      end_ = static_cast<char*>(std::memcpy(end_, date.data(), date_bytes)) + date_bytes;
    } else {
      add(date.substr(0, date_bytes));
    }
    add_literal("\r\n");
  }

  void add(std::string_view part) noexcept { end_ = std::copy(part.begin(), part.end(), end_); }
  template <std::size_t N> void add_literal(const char (&text)[N]) noexcept {
    end_ = static_cast<char*>(std::memcpy(end_, text, N - 1)) + N - 1;
  }
  void add(std::uint64_t number) noexcept {
    if (number < 10) {
      *end_++ = static_cast<char>('0' + number);
    } else {
      end_ = std::to_chars(end_, std::end(text_), number).ptr;
    }
  }
  void add_length(std::uint64_t length) noexcept {
    add_literal("Content-Length: ");
    add(length);
    add_literal("\r\n");
  }
  /// Adds Connection if it is needed. Returns the offset in `out` where that line is, or would be.
  std::size_t add_connection(const std::string& out, const framing& f) noexcept {
    const std::size_t close_at = out.size() + size();
    if (f.close) {
      add(close_line);
    } else if (f.http_1_0) {
      add(keep_line);
    }
    return close_at;
  }

  std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - text_); }
  void append_to(std::string& out) const { out.append(text_, size()); }

 private:
  char text_[most_bytes + room_behind];
  char* end_ = text_;
};

/// The handler's own X-Request-Id wins.
void append_request_id(std::string& out, const response& r, const framing& f) {
  if (!f.request_id.empty() && r.header("X-Request-Id").empty())
    out.append("X-Request-Id: ").append(f.request_id).append("\r\n");
}

}  // namespace

std::size_t write_response(std::string& out, const response& r, const framing& f) {
  const bool has_body = may_have_body(r.status());
  const std::string_view headers = r.header_lines(), body = has_body && !f.head ? r.body() : std::string_view();
  own_lines lines(r.status(), f.date);
  // RFC 9110 section 8.6: no Content-Length with 204; RFC 9110 section 15.3.6: 205 says 0. A 304 would have to give the
  // length of a 200, which is not known here.
  if (r.status() != 204 && r.status() != 304) lines.add_length(has_body ? r.body().size() : 0);
  const std::size_t close_at = lines.add_connection(out, f);
  const bool upgrade_wanted = r.status() == 426;
  if (!upgrade_wanted && f.request_id.empty() && headers.size() + 2 + body.size() <= own_lines::room_behind) {
    lines.add(headers);
    lines.add_literal("\r\n");
    lines.add(body);
    lines.append_to(out);
    return close_at;
  }
  out.reserve(out.size() + own_lines::most_bytes + headers.size() + 2 + body.size());
  lines.append_to(out);
  append_request_id(out, r, f);
  if (upgrade_wanted) out.append("Upgrade: websocket\r\nConnection: Upgrade\r\n");  // 426 must name a protocol
  out.append(headers).append("\r\n").append(body);
  return close_at;
}

std::size_t write_head(std::string& out, const response& r, const framing& f, body_framing by, std::uint64_t length) {
  own_lines lines(r.status(), f.date);
  if (r.status() == 205) {
    lines.add_length(0);  // RFC 9110 section 15.3.6: it has no body, and says so
  } else if (by == body_framing::length) {
    lines.add_length(length);
  } else if (by == body_framing::chunked) {
    lines.add_literal("Transfer-Encoding: chunked\r\n");
  }
  const std::size_t close_at = lines.add_connection(out, f);
  lines.append_to(out);
  append_request_id(out, r, f);
  out.append(r.header_lines()).append("\r\n");
  return close_at;
}

void write_switching(std::string& out, const response& r, const framing& f, std::string_view protocol) {
  out.append("HTTP/1.1 101 Switching Protocols\r\nDate: ").append(f.date.substr(0, date_bytes));
  out.append("\r\nConnection: Upgrade\r\nUpgrade: ").append(protocol).append("\r\n");
  append_request_id(out, r, f);
  out.append(r.header_lines()).append("\r\n");
}

void write_chunk(std::string& out, std::string_view bytes) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, bytes.size(), 16).ptr;
  out.append(digits, end).append("\r\n").append(bytes).append("\r\n");
}

void write_last_chunk(std::string& out, std::string_view trailers) {
  out.append("0\r\n").append(trailers).append("\r\n");
}

void mark_close(std::string& out, std::size_t close_at) {
  // Handlers can't set Connection, so a line at this place is the server's.
  if (out.compare(close_at, close_line.size(), close_line) == 0) return;
  const bool kept = out.compare(close_at, keep_line.size(), keep_line) == 0;
  out.replace(close_at, kept ? keep_line.size() : 0, close_line);
}

}  // namespace lastcall::inline v0::http::detail
