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

void append_status_and_date(std::string& out, int status, const framing& f) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\nDate: ").append(f.date).append("\r\n");
}

void append_length(std::string& out, std::uint64_t length) {
  out.append("Content-Length: ");
  append_number(out, length);
  out.append("\r\n");
}

std::size_t append_connection_and_headers(std::string& out, const response& r, const framing& f) {
  const std::size_t close_at = out.size();
  if (f.close) {
    out.append(close_line);
  } else if (f.http_1_0) {
    out.append(keep_line);
  }
  if (!f.request_id.empty() && r.header("X-Request-Id").empty())
    out.append("X-Request-Id: ").append(f.request_id).append("\r\n");
  out.append(r.header_lines()).append("\r\n");
  return close_at;
}

}  // namespace

std::size_t write_response(std::string& out, const response& r, const framing& f) {
  const bool send_body = !f.head && may_have_body(r.status());
  out.reserve(out.size() + 160 + r.header_lines().size() + (send_body ? r.body().size() : 0));
  append_status_and_date(out, r.status(), f);
  // RFC 9110 section 8.6: no Content-Length with 204; RFC 9110 section 15.3.6: 205 says 0. A 304 would have to give the
  // length of a 200, which nobody knows here.
  if (r.status() != 204 && r.status() != 304) append_length(out, may_have_body(r.status()) ? r.body().size() : 0);
  const std::size_t close_at = append_connection_and_headers(out, r, f);
  if (send_body) out.append(r.body());
  return close_at;
}

std::size_t write_head(std::string& out, const response& r, const framing& f, body_framing by, std::uint64_t length) {
  append_status_and_date(out, r.status(), f);
  if (by == body_framing::length) append_length(out, length);
  if (by == body_framing::chunked) out.append("Transfer-Encoding: chunked\r\n");
  return append_connection_and_headers(out, r, f);
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
