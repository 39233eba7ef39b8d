// Bodies in pieces: a handler reads the request's as it arrives, and writes the response's as it is made. Both wait for
// the client, so a body is never in memory as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "lastcall/core/function.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http {

namespace detail {
class call;
}

/// The client's side of a body failed. If a handler does not catch it, the client gets `status`, if it is still there.
class stream_error : public std::runtime_error {
 public:
  stream_error(int status, const char* why) : std::runtime_error(why), status_(status) {}
  /// 400 malformed, 408 too slow, 413 too large, 503 no free thread; 0: the client has gone, or the connection was cut.
  int status() const noexcept { return status_; }

 private:
  int status_;
};

/// The body of one request, as it arrives. What is not read stays with the client, which slows it down (back-pressure).
/// Threads: one at a time; `read` on the loop's (where coroutine handlers are), `read_blocking` on any other. A
/// second coroutine that reads while one waits gets std::logic_error. Threads are not checked.
class body_stream {
 public:
  explicit body_stream(detail::call& c) noexcept : call_(c) {}
  body_stream& operator=(body_stream&&) = delete;

  /// The next piece, never empty, valid until the next read; nothing at the end of the body. A client that waits for
  /// "100 Continue" gets it with the first read.
  /// Errors: stream_error.
  task<std::optional<std::string_view>> read();
  /// Blocks: until the piece is here, bounded by limits.body_time.
  std::optional<std::string_view> read_blocking();

  /// A field sent behind a chunked body; empty when absent, and before the end was read. Never one that would change
  /// how the message is framed or routed.   Source: RFC 9110 section 6.5.
  std::string_view trailer(std::string_view name) const noexcept;
  /// Content-Length; unknown for a chunked body.
  std::optional<std::uint64_t> length() const noexcept;

  /// For the library's own functions on bodies.
  detail::call& call() const noexcept { return call_; }

 private:
  detail::call& call_;
};

/// The body of one response, as it is made.   Threads: the same as body_stream.
class body_writer {
 public:
  explicit body_writer(detail::call& c) noexcept : call_(c) {}
  body_writer& operator=(body_writer&&) = delete;

  /// Sends at once, so collect small pieces first. Returns when all of `bytes` was taken; they must stay valid until
  /// then. Waits while more than 64 KiB wait for the client.   Errors: stream_error with status 0; std::length_error
  /// beyond the promised length.
  task<> write(std::string_view bytes);
  /// Blocks: for the same reason, at most limits.write_time without progress.
  void write_blocking(std::string_view bytes);

  /// A field behind the body. Only clients that sent `TE: trailers` get it, and only with a response without a length.
  /// Errors: std::invalid_argument as response::header.
  void trailer(std::string_view name, std::string_view value);

  /// For the library's own functions on bodies.
  detail::call& call() const noexcept { return call_; }

 private:
  detail::call& call_;
};

/// 200 with a body that `make` writes on the loop's thread. `length`: if it is known. If `make` throws, or writes less
/// than `length`, the response is cut, so that the client sees that it is not complete.
response streamed(function<task<>(body_writer&)> make, std::optional<std::uint64_t> length = {});
/// The same on a thread of the blocking pool; 503 when that is full.
response streamed_blocking(function<void(body_writer&)> make, std::optional<std::uint64_t> length = {});

}  // namespace lastcall::inline v0::http
