// The data of the exact client's loop: one link per client, one group per load. Private to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "lastcall/testing/exact_client.hpp"
#include "lastcall/testing/internal/http_reply.hpp"

namespace lastcall::inline v0::testing {

struct group;

/// A client and, most of the time, its connection. Requests of a client follow one another.
struct link {
  enum class state : unsigned char {
    closed,  // no connection; free, or waiting for its next request
    queued,  // a local listener's queue is full: connect again soon, as a blocking connect would
    connecting,
    exchanging,  // a request is outstanding
    silent,      // connected, nothing outstanding
    farewell,    // answered, and waits for the remote's end only; belongs to no client any more
  };

  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // grows with each descriptor: events of an earlier one are stale
  group* of = nullptr;
  int fd = -1;
  state now = state::closed;
  bool client = false;         // a request is outstanding, or a further one will come
  bool end_was_there = false;  // see request_facts
  bool end_flagged = false;    // epoll has announced the end; there may be bytes to read before it
  bool remote_ended = false;   // the end was read
  bool readable = false;       // a paced download has something to read
  bool ended_noted = false;    // the end of a deaf client is counted
  progress reached = progress::connecting;
  std::uint64_t timer = 0;  // the serial of its armed timer; 0: none
  time_point began, connect_began, send_began;
  std::uint64_t sent = 0;      // bytes of the request
  unsigned answered_here = 0;  // on this connection
  unsigned rounds = 0;         // requests ended, of this client
  http_reply reply;
};

/// All clients of one load.
struct group {
  load_result result;
  std::string head;                 // of each request; with its body, except an upload's
  std::uint64_t request_bytes = 0;  // with its body
  bool head_requests = false;       // answers have no body
  std::size_t opened = 0;           // idle: clients that have begun
  std::size_t standing = 0;         // idle: clients that are silent, or have failed
  bool begun = false, ended = false;
  time_point since, due;           // rate: when the first began, when the next does
  std::uint64_t requests_due = 0;  // rate: up to now

  bool one_request_each() const noexcept {
    const auto kind = result.options.kind;
    return kind == load_kind::inflight || kind == load_kind::upload || kind == load_kind::download;
  }
  bool fresh_each() const noexcept {
    return result.options.kind == load_kind::fresh || result.options.kind == load_kind::half_closed;
  }
  bool idle() const noexcept { return result.options.kind == load_kind::idle; }
  bool asks_nothing() const noexcept { return idle() && result.options.requests == 0; }
  bool at_rate() const noexcept { return result.options.rate > 0; }
};

}  // namespace lastcall::inline v0::testing
