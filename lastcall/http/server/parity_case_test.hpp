// For the parity table: one case, and words to write it in.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "lastcall/http/server/parity_scene_test.hpp"

namespace lastcall::inline v0::http::testing_parity {

using script = std::function<void(visit&)>;

struct expectation {
  int status = 0;  // of the last answer; 0: none came
  request_end ended = request_end::answered;
  int exit_code = 0;
};

/// What HTTP/2 may say in another way, and why.
struct difference {
  std::string facts::* in;
  const char* because;
};

struct parity_case {
  const char* name;
  script does;
  expectation becomes;
  std::function<void(server_options&)> with = [](server_options&) {};
  std::optional<expectation> over_http2 = {};
  std::vector<difference> differs = {};

  friend void PrintTo(const parity_case& c, std::ostream* to) { *to << c.name; }
};

inline script get(std::string target, fields more = {}) {
  return [=](visit& v) { v.ask("GET", target, more); };
}
inline script ask(std::string method, std::string target, fields more = {}) {
  return [=](visit& v) { v.ask(method, target, more); };
}
inline script post(std::string target, std::string body, fields more = {}, fields trailers = {}) {
  return [=](visit& v) { v.post(target, body, more, trailers); };
}
inline fields of_length(std::size_t bytes) { return {{"content-length", std::to_string(bytes)}}; }

/// Says more of a body that has no end until the server has answered.
inline void sends_until_answered(visit& v, std::size_t bytes, duration each) {
  const std::string piece(bytes, 'x');
  while (v.here().piece(piece) && !v.here().answer_comes_within(each)) {}
  v.hear();
}

inline constexpr auto answered = request_end::answered, rejected = request_end::rejected, forced = request_end::forced,
                      broken = request_end::broken, abandoned = request_end::abandoned_by_client,
                      late = request_end::timed_out;

}  // namespace lastcall::inline v0::http::testing_parity
