// What a handler answers: status, headers, body. Knows no HTTP version; framing, Date and Connection are the server's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/http/message/header_text.hpp"

namespace lastcall::inline v0::http {

class response;

namespace detail {
struct body_source;
struct own_mark;
struct response_access;
}  // namespace detail

/// A complete response. A short one allocates nothing: 160 bytes of headers are inside.
/// Errors: header text that would break the message apart, or that is the server's to set, is refused at once with
/// std::invalid_argument naming it; so a response that exists can be written.
class response {
 public:
  /// 200 to 599; interim responses (1xx) are the server's.   Errors: std::invalid_argument.
  explicit response(int status = 200);

  /// Sets a header, in place of any earlier one of that name.
  /// Errors: std::invalid_argument: a name that is no token, a value with CR, LF, NUL or another control character;
  /// Connection, Content-Length, Date, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding and Upgrade, which
  /// the server sets.
  response& header(std::string_view name, std::string_view value) &;
  response&& header(std::string_view name, std::string_view value) && { return std::move(header(name, value)); }
  /// Adds a further header of that name, as Set-Cookie needs.   Errors: as `header`.
  response& add_header(std::string_view name, std::string_view value) &;
  response&& add_header(std::string_view name, std::string_view value) && { return std::move(add_header(name, value)); }
  /// Not sent with a status that has no body (204, 205, 304), nor in answer to HEAD, which gets its length only.
  response& body(std::string bytes) & {
    body_ = std::move(bytes);
    return *this;
  }
  response&& body(std::string bytes) && { return std::move(body(std::move(bytes))); }

  int status() const noexcept { return status_; }
  /// The value of the first header of that name, in any case; empty when absent.
  std::string_view header(std::string_view name) const noexcept;
  /// All header lines, each "Name: value\r\n".
  std::string_view header_lines() const noexcept { return headers_.view(); }
  const std::string& body() const noexcept { return body_; }

 private:
  friend detail::own_mark;
  friend detail::response_access;
  friend response text(std::string body, int status);
  friend response html(std::string body, int status);
  friend response json(std::string body, int status);
  response(int status, std::string_view sound_line, std::string&& body) : response(status) {
    headers_.add_sound_line(sound_line);
    body_ = std::move(body);
  }

  int status_;
  bool own_ = false;  // the server's, not a handler's
  detail::header_text headers_;
  std::string body_;
  std::shared_ptr<const detail::body_source> source_;  // in place of a body in memory; null without
};

/// "text/plain; charset=utf-8".
response text(std::string body, int status = 200);
/// "text/html; charset=utf-8".
response html(std::string body, int status = 200);
/// "application/json"; the body is sent as it is.
response json(std::string body, int status = 200);
/// No body, no headers.
response status_only(int status);

}  // namespace lastcall::inline v0::http
