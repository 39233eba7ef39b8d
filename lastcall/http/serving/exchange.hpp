// What a connection holds from the first byte of a request to the end of its response: the bytes, and what is known of
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/http/message/body_reader.hpp"
#include "lastcall/http/message/input_buffer.hpp"
#include "lastcall/http/message/message_info.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/serving/request_records.hpp"

namespace lastcall::inline v0::http::detail {

class upgrade;
struct body_source;

/// A client that sends a body in pieces is given `body_time`, and a second more for each of these.
inline constexpr std::uint64_t least_bytes_per_second = 16 * 1024;

/// Handed out last in, first out, so that a few warm ones serve many connections.
struct exchange {
  explicit exchange(std::size_t bytes) : input(bytes) {}

  input_buffer input;
  message_info info;
  request req;
  time_point read_by{};  ///< when the present head or body must be here
  match_result found;    ///< once the head is complete
  body_reader reader;
  std::string body;        ///< all of it, or the piece that a handler has
  std::string trailers;    ///< of a streamed body, each "name:value\n"
  bool in_pieces = false;  ///< either body streams: of `in` and `out`, something is no longer as new

  /// Of a body that a handler takes as it comes.
  struct {
    bool owes_continue = false;
    bool over = false;
    bool waiting = false;  ///< the handler waits for the client
    int status = 0;        ///< what to answer a client that failed
    const char* why = nullptr;
    std::uint64_t received = 0;
    duration waited = {};  ///< for the client, so far
    time_point waits_since = {};
  } incoming;
  /// Of a response whose body is made or sent after its head.
  struct {
    bool open = false;
    body_framing by = body_framing::length;
    std::uint64_t left = 0;                   ///< of the length
    std::shared_ptr<const body_source> file;  ///< being sent
    std::uint64_t file_at = 0;
    std::shared_ptr<upgrade> to = {};  ///< once the 101 is sent
  } outgoing;

  request_records records;

  /// Where to receive: never empty. May move what is unread, and `req` with it; so not while a handler has views.
  std::span<char> room() noexcept;
  /// Forgets the present request; what follows it becomes the next.
  void next() noexcept;
};

}  // namespace lastcall::inline v0::http::detail
