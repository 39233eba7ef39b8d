// A report of two components, for the tests of the report and of its texts.
#pragma once

#include <chrono>

#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0::testing_core {

inline report sample_report() {
  report r;
  r.cause.kind = cause_kind::signal;
  r.cause.signal = "SIGTERM";
  r.cause.sender = "pid 7 (kubelet)";
  r.began = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'123));
  r.grace_ms = 20'000;
  r.reserve_ms = 2'000;
  r.drain_ms = 1'234.56789;
  r.total_ms = 1'234.56789;
  component_report http;
  http.name = "http";
  http.drained = true;
  http.drained_ms = 1'200;
  http.connections = {.accepted = 3, .closed_clean = 2, .closed_by_remote = 1};
  http.requests = {.begun = 9, .answered = 8, .rejected = 1};
  http.add("listener_close", "unplugged");
  http.add("settled_ms", 0.5);
  http.add("peak", 64u);
  http.add("tls", false);
  component_report tcp;
  tcp.name = "tcp";
  tcp.connections = {.accepted = 2, .timed_out = 1, .forced = 1};
  r.components = {http, tcp};
  return r;
}

}  // namespace lastcall::inline v0::testing_core
