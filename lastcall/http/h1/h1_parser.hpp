// Request heads of HTTP/1.0 and 1.1: where one ends, whether it is sound, what it says. Pure: bytes in, verdict out.
// Bodies are body_reader's.
#pragma once

#include <cstddef>
#include <string_view>

#include "lastcall/core/namespace.hpp"
#include "lastcall/http/message/message_info.hpp"

namespace lastcall::inline v0::http {
class request;
struct limits;
}  // namespace lastcall::inline v0::http

namespace lastcall::inline v0::http::detail {

struct head_result {
  enum class kind : unsigned char { need_more, done, error };
  kind what = kind::need_more;
  /// done: the head's bytes, with blank lines before it; the body begins there. need_more: the bytes of blank lines
  /// before the head, which are no part of a request (when they are all there is, no request has begun).
  std::size_t consumed = 0;
  /// error: what to answer, with `why` (a literal) for people; the connection can't be used any further.
  int status = 0;
  const char* why = "";
};

/// Looks for one head at the beginning of `input`. `scanned` begins at 0 and is the caller's to keep between calls with
/// more of the same input, so that no byte is searched twice. When done, `out` holds views into `input`, and `info` is
/// set; before, they hold nothing of use. Errors: 400 malformed or ambiguous, 414 and 431 beyond a limit, 417 an
/// unknown expectation, 501 a transfer coding other than chunked, 505 a version other than 1.0 and 1.1. All refusals
/// and their reasons: docs/design/http1.md.
head_result parse_head(std::string_view input, std::size_t& scanned, const limits& l, request& out, message_info& info);

}  // namespace lastcall::inline v0::http::detail
