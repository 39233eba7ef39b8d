// One request and its response on a connection, from the first byte received to the last byte sent. Parses and sends
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/http/message/body_reader.hpp"
#include "lastcall/http/message/input_buffer.hpp"
#include "lastcall/http/message/message_info.hpp"
#include "lastcall/http/message/request.hpp"
#include "lastcall/http/requests/body_pacing.hpp"
#include "lastcall/http/requests/request_records.hpp"
#include "lastcall/http/routing/router.hpp"

namespace lastcall::inline v0::http::detail {

class upgrade;
struct body_source;

/// Borrowed from the shard. A connection without a request has none, so a few exchanges serve many connections.
struct exchange {
  explicit exchange(std::size_t bytes) : input(bytes) {}

  input_buffer input;
  message_info info;
  request req;
  body_pacing pacing;
  match_result found;                   ///< valid once the head is complete
  time_point ends = time_point::max();  ///< the moment at which its timeout passes
  body_reader reader;
  std::string body;        ///< the whole body, or the piece that the handler reads
  std::string trailers;    ///< of a streamed body; each is "name:value\n"
  bool in_pieces = false;  ///< a body streams: next() must reset `incoming` and `outgoing`

  /// The request body, when a handler reads it in pieces.
  struct {
    bool owes_continue = false;
    bool over = false;
    int status = 0;  ///< 0, or the status of the client's error
    const char* why = nullptr;
  } incoming;
  /// The response body, when it is made or sent after the head.
  struct {
    bool open = false;
    body_framing by = body_framing::length;
    std::uint64_t left = 0;                   ///< bytes of Content-Length that are not written yet
    std::shared_ptr<const body_source> file;  ///< the file that is sent
    std::uint64_t file_at = 0;
    std::shared_ptr<upgrade> to = {};  ///< what the connection becomes after 101
  } outgoing;

  request_records records;

  /// Where to receive: never empty. May move what is unread, and `req` with it; so not while a handler has views.
  std::span<char> room() noexcept;
  /// Ends the current request. The bytes behind it become the next one.
  void next() noexcept;
  /// Takes over from `other`, whose handler is still at work: all that the connection needs, and not the request, which
  /// stays where it is.
  void continue_from(exchange& other);
};

}  // namespace lastcall::inline v0::http::detail
