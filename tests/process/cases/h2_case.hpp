// The words that cases of HTTP/2 are made of: frames and what must become of them.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "lastcall/http/h2/h2_frames_test.hpp"

namespace process_tests {

namespace h2 {
using namespace lastcall::http::testing_h2;
}

/// What a client says behind preface, SETTINGS and the acknowledgement of ours, and what must become of it. Whatever
/// is no error of the connection must leave it in use.
struct h2_case {
  struct outcome {
    enum class kind : unsigned char { connection_error, stream_error, answered, refused, ignored } what = kind::ignored;
    std::vector<std::uint32_t> codes = {};  // any of these; of GOAWAY or RST_STREAM
    std::uint32_t stream = 1;
    int status = 0;                              // answered
    std::optional<std::string> body = {};        // exactly; for `data_bytes`, only its size so far
    std::optional<std::size_t> data_bytes = {};  // what the windows allow, and no more
    bool then_closed = false;                    // by a FIN: the client has said goodbye
    bool then_reset = false;                     // with NO_ERROR: what else the client sends is not needed
  };

  const char* name;    // lower-case words
  const char* source;  // "9113 6.1" is RFC 9113 section 6.1
  std::string says;
  outcome becomes;
  bool bare = false;  // no SETTINGS before it, only the preface

  friend void PrintTo(const h2_case& c, std::ostream* to) { *to << "RFC " << c.source; }
};
using h2_cases = std::vector<h2_case>;

namespace h2 {

using outcome = h2_case::outcome;
inline outcome connection_error(std::vector<std::uint32_t> codes) {
  return {.what = outcome::kind::connection_error, .codes = std::move(codes)};
}
inline outcome connection_error(code c) { return connection_error(std::vector<std::uint32_t>{c}); }
inline outcome stream_error(code c, std::uint32_t stream = 1) {
  return {.what = outcome::kind::stream_error, .codes = {c}, .stream = stream};
}
inline outcome answered(int status = 200, std::optional<std::string> body = {}, std::uint32_t stream = 1) {
  return {.what = outcome::kind::answered, .stream = stream, .status = status, .body = std::move(body)};
}
inline outcome answered_early(int status) {
  outcome o = answered(status);
  o.then_reset = true;
  return o;
}
inline outcome sends(std::size_t bytes) {
  outcome o = answered(200);
  o.data_bytes = bytes;
  return o;
}
inline outcome then_closed(outcome o) {
  o.then_closed = true;
  return o;
}
/// Answered 400 by us, or reset by an nghttp2 (from 1.6x on) that sees it first: RFC 9113 section 8.1.1 allows both.
inline outcome refused() { return {.what = outcome::kind::refused, .codes = {protocol_error}, .status = 400}; }
inline outcome ignored() { return {}; }
inline const std::string hello = "hello\n";
inline const outcome ok = answered(200, hello);

inline std::string repeated(const std::string& one, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += one;
  return all;
}
/// What /request/… says of a request.
inline std::string echo(const std::string& method, const std::string& rest, const std::string& x = "",
                        const std::string& body = "", const std::string& host = "a") {
  return "method=[" + method + "] host=[" + host + "] rest=[" + rest + "] x=[" + x + "] body=[" + body + "]\n";
}
inline std::string head_of(const fields& all) { return headers(1, block(all)); }

inline h2_cases beginning() {
  return {
      {"a request", "9113 8.1", get(1), ok},
      {"a ping in place of settings", "9113 3.4", ping(), connection_error(protocol_error), true},
      {"a request in place of settings", "9113 3.4", get(1), connection_error(protocol_error), true},
      {"an acknowledgement in place of settings", "9113 3.4", settings_ack(), connection_error(protocol_error), true},
      {"settings without an entry", "9113 3.4", settings() + get(1), ok, true},
      {"a window update in place of settings", "9113 3.4", window(0, 1), connection_error(protocol_error), true},
  };
}

}  // namespace h2

}  // namespace process_tests
