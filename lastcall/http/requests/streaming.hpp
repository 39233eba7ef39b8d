// Bodies in pieces: a handler reads the request's as it arrives, and writes the response's as it is made. Both wait for
// the client, so a body is never in memory as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "lastcall/core/function.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/net/meant_as.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http {

namespace detail {
class call;
struct stream_access;
struct release_stream {
  void operator()(call* c) const noexcept;
};
/// A stream's reference to its call.
using stream_call = std::unique_ptr<call, release_stream>;
}  // namespace detail

/// A request's body broke off. An exception, so that no handler takes half a body for a whole one. If a handler does
/// not catch it, the client gets `status`, if it is still there.
class body_error : public std::runtime_error {
 public:
  body_error(int status, const char* why) : std::runtime_error(why), status_(status) {}
  /// 400 malformed, 408 too slow, 413 too large, 503 no free thread; 0: the client has gone, or the connection was cut.
  int status() const noexcept { return status_; }

 private:
  int status_;
};

/// The body of one request, as it arrives: a handle, which the handler is given by value and may move into the maker of
/// its answer. What is not read stays with the client, which slows it down (back-pressure). Once the answer is sent,
/// reads fail as if the client had gone.
/// Threads: one at a time; `read` on the loop's (where coroutine handlers are), `read_blocking` on any other. A
/// second coroutine that reads while one waits gets std::logic_error. Threads are not checked.
class body_stream {
 public:
  /// The next piece, never empty, valid until the next read; nothing once all of the body was read. A client that waits
  /// for "100 Continue" gets it with the first read.   Errors: body_error, if not all of it comes.
  task<std::optional<std::string_view>> read();
  /// Blocks: until the piece is here, bounded by limits.body_time.
  std::optional<std::string_view> read_blocking();

  /// A field sent behind a chunked body; empty when absent, and before the end was read. Never one that would change
  /// how the message is framed or routed.   Source: RFC 9110 section 6.5.
  std::string_view trailer(std::string_view name) const noexcept;
  /// Content-Length; unknown for a chunked body.
  std::optional<std::uint64_t> length() const noexcept;

 private:
  friend detail::stream_access;
  explicit body_stream(detail::stream_call c) noexcept : call_(std::move(c)) {}

  detail::stream_call call_;
};

/// The body of one response, as it is made: a handle.   Threads: the same as body_stream.
class body_writer {
 public:
  /// True: taken, all of `bytes`. False: not sent, because nothing more can be sent: the client has gone, or the
  /// connection was cut. Then each further write gives false at once; after ten thousand of them it throws body_error,
  /// so that a maker without an end has one.
  /// Sends at once, so collect small pieces first. `bytes` must stay valid until it returns. Waits while more than
  /// 64 KiB wait for the client.   Errors: std::length_error beyond the promised length.
  task<bool> write(std::string_view bytes);
  /// Blocks: for the same reason, at most limits.write_time without progress.
  bool write_blocking(std::string_view bytes);

  /// A field behind the body. Only clients that sent `TE: trailers` get it, and only with a response without a length.
  /// Errors: std::invalid_argument as response::header.
  void trailer(std::string_view name, std::string_view value);

 private:
  friend detail::stream_access;
  explicit body_writer(detail::stream_call c) noexcept : call_(std::move(c)) {}

  detail::stream_call call_;
};

namespace detail {
response streamed(function<task<>(body_writer)> make, std::optional<std::uint64_t> length);
response streamed_blocking(function<void(body_writer)> make, std::optional<std::uint64_t> length);
}  // namespace detail

/// 200 with a body that `make`, a `task<>(body_writer)`, writes on the loop's thread. `length`: if it is known. If
/// `make` throws, or writes less than `length`, the response is cut, so that the client sees that it is not complete.
template <class F> response streamed(F make, std::optional<std::uint64_t> length = {}) {
  static_assert(net::detail::takes_by_value<F, body_writer>, "take the body_writer by value: it is a handle");
  return detail::streamed(std::move(make), length);
}
/// The same with a `void(body_writer)` on a thread of the blocking pool; 503 when that is full.
template <class F> response streamed_blocking(F make, std::optional<std::uint64_t> length = {}) {
  static_assert(net::detail::takes_by_value<F, body_writer>, "take the body_writer by value: it is a handle");
  return detail::streamed_blocking(std::move(make), length);
}

}  // namespace lastcall::inline v0::http
