// The ruler: clients that load a server, tell it to stop and account for every request exactly once. Never retries.
// Not a general HTTP client: it knows its few loads and nothing else.
#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/testing/internal/latencies.hpp"
#include "lastcall/testing/internal/load_options.hpp"
#include "lastcall/testing/internal/request_verdict.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace lastcall::inline v0::testing {

struct probe_options {
  std::vector<load_options> loads = {};
  duration after = std::chrono::seconds(1);  // from the moment all idle connections stand until the signal
  duration timeout =
      std::chrono::seconds(30);  // from the signal until everything has ended; then what is open is lost by timeout
  duration patience = std::chrono::seconds(30);  // for the idle connections to stand
  duration request_timeout{};  // a request that takes longer is lost by timeout; 0: no limit of its own
  unsigned signals = 1;        // how often it is told
  duration spacing = std::chrono::milliseconds(10);
  std::uint64_t seed = 1;  // of the random pauses
};

/// What is told to stop.
struct probe_target {
  std::function<void()> tell = {};  // sends the signal
  std::function<void()> kill = {};  // when the timeout has passed
  int gone = -1;  // readable once it is gone: a pidfd; -1: there is nothing to wait for but the clients' ends
};

/// How connections ended on which no request was outstanding.
struct quiet_ends {
  std::uint64_t fin = 0;
  std::uint64_t rst = 0;
  std::uint64_t open = 0;  // still open when the run was over
};

struct load_result {
  load_options options;
  tally count;
  latencies answered;  // from the begin (with a rate: from the due time) to the last byte, connect included
  latencies refused;   // from connect() to ECONNREFUSED, after the signal
  std::array<std::uint64_t, 6> status_class{};  // [2]: 2xx
  std::uint64_t unexpected = 0;                 // answers with another status than expected, but for the next
  std::uint64_t server_errors_after = 0;        // 5xx after the signal
  std::uint64_t in_flight = 0;                  // sent and not answered at the moment of the signal
  std::uint64_t answered_before = 0;            // ended before the signal
  std::uint64_t skipped = 0;                    // due, but `most` were in flight
  std::uint64_t connections = 0;                // established
  quiet_ends ends;
  std::string first_fault;  // why the first garbage was garbage, or the first connect failed
};

struct probe_result {
  std::vector<load_result> loads = {};
  std::string fault = {};  // not empty: it could not be measured, and why
  bool gone = false, killed = false, timed_out = false;
  duration loaded{};  // from the begin of the load to the signal
  // From the (first) signal; empty if it never happened.
  std::optional<duration> exit, first_refusal, last_response;

  tally total() const;
};

/// Raises this process's soft limit of open descriptors to the hard one (children inherit it); the limit that holds
/// now.
std::uint64_t raise_descriptor_limit() noexcept;

/// Loads, tells, waits for the end, and counts.   Blocks: at most patience + after + 10 s + timeout + 5 s.
/// Errors: std::system_error when epoll itself fails.   Threads: does everything in the caller's; writes to no shared
/// state.
probe_result run_probe(const server_address&, const probe_options&, const probe_target&);

}  // namespace lastcall::inline v0::testing
