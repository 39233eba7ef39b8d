// What one group of clients does to the server under test, and how people write it: NAME[:COUNT][,key=value…]. Pure.
#pragma once

#include <chrono>
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
  inflight,     // one long request each, sent so that it is in flight at the signal
  upload,       // one body each, half sent at the signal
  download,     // one body each, half received at the signal
  idle,         // one request, and then silence
  half_closed,  // a new connection for each request, which ends our side right after it (SHUT_WR)
};

std::string_view to_text(load_kind) noexcept;

/// One group of clients. Zero or empty means: what `default_load` says for its kind, or does not apply.
struct load_options {
  load_kind kind = load_kind::busy;
  std::size_t count = 0;  // connections that it keeps busy, or requests in flight
  std::string path = {};
  double rate = 0;  // fresh: connections per second, evenly spread and whatever the latency (open loop); 0: closed loop
  std::size_t most = 0;     // with rate: beyond so many in flight, a due request is skipped and counted as skipped
  duration min{}, max{};    // race: the pause
  duration lead{};          // inflight, upload, download: how long before the signal they begin
  std::uint64_t bytes = 0;  // upload, download: the size of a body
  duration over{};          // upload, download: the time over which a body is spread; 0: as fast as it goes
  unsigned requests = 0;    // idle: how many before the silence; may really be 0
  bool deaf = false;        // idle: never reads again nor closes
  int expect = 200;         // the status that is right; 0: any
};

/// The usual numbers of a kind.
load_options default_load(load_kind);

/// Reads `busy:64`, `fresh,rate=1000`, `upload:10,bytes=1000000,over=2s`. What is not given is as in `default_load`.
/// Errors: std::invalid_argument that names what is wrong and what was meant.
load_options parse_load(std::string_view text);

}  // namespace lastcall::inline v0::testing
