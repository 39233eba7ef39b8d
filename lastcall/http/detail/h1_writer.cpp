#include "lastcall/http/detail/h1_writer.hpp"

#include <charconv>

#include "lastcall/http/response.hpp"
#include "lastcall/http/status.hpp"

namespace lastcall::inline v0::http::detail {
namespace {

constexpr std::string_view close_line = "Connection: close\r\n";
constexpr std::string_view keep_line = "Connection: keep-alive\r\n";

void append_number(std::string& out, std::size_t n) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
  out.append(digits, end);
}

std::size_t write(std::string& out, int status, std::string_view headers, std::string_view body, const framing& f) {
  const bool send_body = !f.head && may_have_body(status);
  out.reserve(out.size() + 160 + headers.size() + (send_body ? body.size() : 0));

  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\nDate: ").append(f.date).append("\r\n");
  // RFC 9110 section 8.6: no Content-Length with 204; RFC 9110 section 15.3.6: 205 says 0. A 304 would have to give the
  // length of a 200, which nobody knows here.
  if (status != 204 && status != 304) {
    out.append("Content-Length: ");
    append_number(out, may_have_body(status) ? body.size() : 0);
    out.append("\r\n");
  }
  const std::size_t close_at = out.size();
  if (f.close) {
    out.append(close_line);
  } else if (f.http_1_0) {
    out.append(keep_line);
  }
  if (!f.request_id.empty()) out.append("X-Request-Id: ").append(f.request_id).append("\r\n");
  out.append(headers).append("\r\n");
  if (send_body) out.append(body);
  return close_at;
}

}  // namespace

std::size_t write_response(std::string& out, const response& r, const framing& f) {
  if (f.request_id.empty() || r.header("X-Request-Id").empty())
    return write(out, r.status(), r.header_lines(), r.body(), f);
  framing without = f;
  without.request_id = {};
  return write(out, r.status(), r.header_lines(), r.body(), without);
}

void mark_close(std::string& out, std::size_t close_at) {
  // Handlers can't set Connection, so what stands there is ours.
  if (out.compare(close_at, close_line.size(), close_line) == 0) return;
  const bool kept = out.compare(close_at, keep_line.size(), keep_line) == 0;
  out.replace(close_at, kept ? keep_line.size() : 0, close_line);
}

void write_refusal(std::string& out, const refused& r, const framing& f) {
  auto answer = response(r.status);
  answer.header("Content-Type", "text/plain; charset=utf-8");
  if (r.retry_after_seconds > 0) answer.header("Retry-After", std::to_string(r.retry_after_seconds));
  std::string line = std::to_string(r.status);
  line.append(" ").append(reason_phrase(r.status));
  if (!r.why.empty()) line.append(": ").append(r.why);
  answer.body(line.append("\n"));
  auto closing = f;
  closing.close = true;
  write_response(out, answer, closing);
}

}  // namespace lastcall::inline v0::http::detail
