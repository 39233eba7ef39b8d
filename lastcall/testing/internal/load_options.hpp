// A load: what one group of clients does. Parsed from NAME[:COUNT][,key=value…]. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::testing {

enum class load_kind : unsigned char {
  busy,         // keep-alive, the next request as soon as the last is answered
  fresh,        // a new connection for each request
  race,         // keep-alive with random pauses: meets the moment at which a server closes idle connections
  inflight,     // one long request for each client, in flight at the signal
  upload,       // one body for each client, half sent at the signal
  download,     // one body for each client, half received at the signal
  idle,         // one request, and then silence
  half_closed,  // a new connection for each request, half-closed by the client (SHUT_WR) right after it
};

std::string_view to_text(load_kind) noexcept;

/// One group of clients. 0 or empty: as `default_load` says for its kind, or it does not apply.
struct load_options {
  load_kind kind = load_kind::busy;
  std::size_t count = 0;  // connections in use, or requests in flight
  std::string path = {};
  double rate = 0;  // fresh: connections per second, at fixed times whatever the latency (open loop); 0: closed loop
  std::size_t most = 0;     // with rate: when so many are in flight, a due request is not sent, but counted as skipped
  duration min{}, max{};    // race: the pause
  duration lead{};          // inflight, upload, download: the time from their begin to the signal
  std::uint64_t bytes = 0;  // upload, download: the size of a body
  duration over{};          // upload, download: the time in which the body is sent or read; 0: as fast as possible
  unsigned requests = 0;    // idle: how many before the silence; 0 is valid
  bool deaf = false;        // idle: neither reads nor closes after its requests
  int expect = 200;         // the expected status; 0: any
};

/// The usual numbers of a kind.
load_options default_load(load_kind);

/// Errors: std::invalid_argument that names the member, its value and what is allowed.
void check(const load_options&);

/// Parses `busy:64`, `fresh,rate=1000`, `upload:10,bytes=1000000,over=2s`. Defaults are those of `default_load`.
/// Errors: std::invalid_argument that names the wrong part and the remedy.
load_options parse_load(std::string_view text);

}  // namespace lastcall::inline v0::testing
