// The measuring instrument: clients that load a server, tell it to stop, and classify every request exactly once. Never
// retries. Not a general HTTP client: it knows its few loads only.
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
#include "lastcall/testing/internal/request_text.hpp"
#include "lastcall/testing/internal/request_verdict.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace lastcall::inline v0::testing {

struct probe_options {
  std::vector<load_options> loads = {};
  duration after = std::chrono::seconds(1);  // from the moment all idle connections are open until the signal
  duration timeout =
      std::chrono::seconds(30);  // from the signal to the end; a request that is open then is lost by timeout
  duration patience = std::chrono::seconds(30);  // for opening the idle connections
  duration request_timeout{};  // a request that takes longer is lost by timeout; 0: no limit of its own
  unsigned signals = 1;        // how often the server is told to stop
  duration spacing = std::chrono::milliseconds(10);
  std::uint64_t seed = 1;        // of the random pauses
  request_options request = {};  // headers, method and body of each
};

/// The process to be stopped.
struct probe_target {
  std::function<void()> tell = {};  // sends the signal
  std::function<void()> kill = {};  // called when the timeout has passed
  int gone =
      -1;  // a descriptor that is readable when the process has gone (pidfd); -1: only the clients are waited for
};

/// How connections without an outstanding request ended.
struct quiet_ends {
  std::uint64_t fin = 0;
  std::uint64_t rst = 0;
  std::uint64_t open = 0;  // still open when the run was over
};

struct load_result {
  load_options options;
  request_counts count;
  latencies answered;  // from the begin (with a rate: from the due time) to the last byte, with connect
  latencies refused;   // from connect() to ECONNREFUSED, after the signal
  std::array<std::uint64_t, 6> status_class{};  // [2]: 2xx
  std::uint64_t unexpected = 0;                 // answers with another status than expected; without the next
  std::uint64_t server_errors_after = 0;        // 5xx after the signal
  std::uint64_t in_flight = 0;                  // sent and not answered at the moment of the signal
  std::uint64_t answered_before = 0;            // ended before the signal
  std::uint64_t skipped = 0;                    // due, but not sent, since `most` were in flight
  std::uint64_t connections = 0;                // established
  quiet_ends ends;
  std::string first_fault;  // what was wrong with the first garbage, or why the first connect failed
};

struct probe_result {
  std::vector<load_result> loads = {};
  std::string fault = {};  // not empty: why it could not be measured
  bool gone = false, killed = false, timed_out = false;
  duration loaded{};  // from the begin of the load to the signal
  // Since the (first) signal; empty: it did not happen.
  std::optional<duration> exit, first_refusal, last_response;

  request_counts total() const;
};

/// Raises this process's soft limit of open descriptors to the hard one, also for children. Returns the limit.
std::uint64_t raise_descriptor_limit() noexcept;

/// Loads the server, tells it to stop, waits for the end, and counts.
/// Blocks: at most patience + after + 10 s + timeout + 5 s.   Errors: std::system_error when epoll fails;
/// std::invalid_argument for an option beyond its range, by name.
/// Threads: any; it runs in the caller's and shares nothing.
probe_result run_probe(const server_address&, const probe_options&, const probe_target&);

}  // namespace lastcall::inline v0::testing
