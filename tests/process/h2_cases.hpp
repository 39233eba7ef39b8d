// What RFC 9113 and 7541 ask of an HTTP/2 server, and what nobody should send one: as frames, by topic. Each is true of
// the testbed (docs/testbed.md) with --h2c --max-body 100000; docs/conformance.md says where we are stricter.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/process/h2_frames.hpp"

namespace process_tests {

/// What a client says behind preface, SETTINGS and the acknowledgement of ours, and what must become of it. Whatever
/// is no error of the connection must leave it in use.
struct h2_case {
  struct outcome {
    enum class kind : unsigned char { connection_error, stream_error, answered, ignored } what = kind::ignored;
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

inline h2_cases framing_cases() {
  const std::string big(16'385, 'x');
  return {
      {"an unknown frame", "9113 4.1", frame(0x0b, 0, 0, "abc") + get(1), ok},
      {"an unknown frame of the last type", "9113 5.5", frame(0xff, 0xff, 0, "") + get(1), ok},
      {"an unknown frame on a stream", "9113 5.5", post(1) + frame(0x77, 0, 1, "abc") + data(1, "abc"),
       answered(200, "3\n")},
      {"an unknown frame on an idle stream", "9113 5.5", frame(0x77, 0, 9, "abc") + get(11), answered(200, hello, 11)},
      {"undefined flags of ping", "9113 4.1", frame(ping_frame, 0xfe, 0, "12345678") + get(1), ok},
      {"undefined flags of data", "9113 4.1", post(1) + data(1, "abc", 0x41 | end_stream), answered(200, "3\n")},
      {"undefined flags of headers", "9113 4.1", headers(1, request_block("GET", "/"), end_headers | end_stream | 0xc2),
       ok},
      {"undefined flags of settings", "9113 4.1", frame(settings_frame, 0xfe, 0, "") + get(1), ok},
      {"undefined flags of a window update", "9113 4.1", frame(window_frame, 0xff, 0, number(1, 4)) + get(1), ok},
      {"undefined flags of a reset", "9113 4.1", post(1) + frame(rst_frame, 0xff, 1, number(8, 4)) + get(3),
       answered(200, hello, 3)},
      {"the reserved bit of the stream", "9113 4.1", frame(headers_frame, 5, 0x80000001, request_block("GET", "/")),
       ok},
      {"the reserved bit of a window update", "9113 6.9", window(0, 0x80000001) + get(1), ok},
      {"the largest frame", "9113 4.2", post(1) + data(1, big.substr(1)), answered(200, "16384\n")},
      {"data beyond the largest frame", "9113 4.2", post(1) + data(1, big), connection_error(frame_size_error)},
      {"headers beyond the largest frame", "9113 4.2", headers(1, big), connection_error(frame_size_error)},
      {"an unknown frame beyond the largest", "9113 4.2", frame(0x77, 0, 0, big), connection_error(frame_size_error)},
      {"a ping of 7 bytes", "9113 6.7", frame(ping_frame, 0, 0, "1234567"), connection_error(frame_size_error)},
      {"a ping of 9 bytes", "9113 6.7", frame(ping_frame, 0, 0, "123456789"), connection_error(frame_size_error)},
      {"a ping without a byte", "9113 6.7", frame(ping_frame, 0, 0, ""), connection_error(frame_size_error)},
      {"a reset of 3 bytes", "9113 6.4", post(1) + frame(rst_frame, 0, 1, "abc"), connection_error(frame_size_error)},
      {"a reset of 5 bytes", "9113 6.4", post(1) + frame(rst_frame, 0, 1, "abcde"), connection_error(frame_size_error)},
      {"a window update of 3 bytes", "9113 6.9", frame(window_frame, 0, 0, "abc"), connection_error(frame_size_error)},
      {"a window update of 5 bytes", "9113 6.9", frame(window_frame, 0, 0, "abcde"),
       connection_error(frame_size_error)},
      {"a priority of 4 bytes", "9113 6.3", frame(priority_frame, 0, 1, "abcd"), connection_error({frame_size_error})},
      {"settings of 5 bytes", "9113 6.5", frame(settings_frame, 0, 0, "abcde"), connection_error(frame_size_error)},
      {"settings of 7 bytes", "9113 6.5", frame(settings_frame, 0, 0, "abcdefg"), connection_error(frame_size_error)},
      {"an acknowledgement with an entry", "9113 6.5", frame(settings_frame, ack, 0, number(0x300000001, 6)),
       connection_error(frame_size_error)},
      {"a goaway of 7 bytes", "9113 6.8", frame(goaway_frame, 0, 0, "abcdefg"), connection_error(frame_size_error)},
  };
}

inline h2_cases compression_cases() {
  const std::string request = request_block("GET", "/request/c");
  const auto with = [&](const std::string& more) { return headers(1, request + more); };
  const auto wrong = connection_error(compression_error);
  const auto x_is = [](const std::string& x) { return answered(200, echo("GET", "c", x)); };
  return {
      {"a literal never indexed", "7541 6.2.3", with(field("x", "y", 0x10)), x_is("y")},
      {"a literal without indexing", "7541 6.2.2", with(field("x", "y")), x_is("y")},
      {"a literal with indexing", "7541 6.2.1", with(field("x", "y", 0x40)), x_is("y")},
      {"a field of the dynamic table", "7541 6.1",
       headers(1, request + field("x", "y", 0x40)) + headers(3, request + "\xbe"),
       answered(200, echo("GET", "c", "y"), 3)},
      {"a name of the dynamic table", "7541 6.2.1",
       headers(1, request + field("x", "y", 0x40)) + headers(3, request + integer(62, 4) + text("z")),
       answered(200, echo("GET", "c", "z"), 3)},
      {"fields of the static table", "7541 a", headers(1, "\x82\x86\x84" + field(":authority", "a")), ok},
      {"a value in huffman code", "7541 5.2",
       with(std::string("\0\1x", 3) + "\x89\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x00"), connection_error(compression_error)},
      {"a sound value in huffman code", "7541 c.4",
       with(std::string("\0\1x", 3) + "\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f"), x_is("custom-key")},
      {"padding that is no ones", "7541 5.2", with(std::string("\0\1x", 3) + "\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7e"),
       wrong},
      {"padding of a whole byte", "7541 5.2",
       with(std::string("\0\1x", 3) + "\x89\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\xff"), wrong},
      {"the end of strings in huffman code", "7541 5.2", with(std::string("\0\1x", 3) + "\x84\xff\xff\xff\xff"), wrong},
      {"index 0", "7541 6.1", with("\x80"), wrong},
      {"an index beyond the tables", "7541 2.3.3", with("\xbe"), wrong},
      {"an index far beyond the tables", "7541 2.3.3", with(integer(100'000, 7, 0x80)), wrong},
      {"a name index beyond the tables", "7541 2.3.3", with(integer(99, 4) + text("v")), wrong},
      {"an integer without end", "7541 5.1", with("\xff" + repeated("\x80", 20) + "\x01"), wrong},
      {"an integer beyond 32 bits", "7541 5.1", with("\xff\xff\xff\xff\xff\x7f"), wrong},
      {"a name longer than the block", "7541 5.2", with(std::string("\0\x7f\x20x", 4)), wrong},
      {"a value longer than the block", "7541 5.2", with(std::string("\0\1x\5y", 5)), wrong},
      {"a block that ends in an integer", "7541 5.1", with("\xff"), wrong},
      {"a block that ends behind a name", "7541 6.2.2", with(std::string("\0\1x", 3)), wrong},
      {"a smaller table", "7541 6.3", headers(1, integer(0, 5, 0x20) + request), answered(200, echo("GET", "c"))},
      {"a smaller and a larger table", "7541 4.2", headers(1, integer(0, 5, 0x20) + integer(4096, 5, 0x20) + request),
       answered(200, echo("GET", "c"))},
      {"a table larger than we allow", "7541 6.3", headers(1, integer(4097, 5, 0x20) + request), wrong},
      {"a table size behind the fields", "7541 4.2", headers(1, request + integer(0, 5, 0x20)), wrong},
      {"a field that a smaller table has lost", "7541 4.3",
       headers(1, request + field("x", "y", 0x40)) + headers(3, integer(0, 5, 0x20) + request + "\xbe"), wrong},
      {"a field that later ones have driven out", "7541 4.4",
       headers(1, request + field("x", "y", 0x40)) + headers(3, request + field("z", std::string(4050, 'z'), 0x40)) +
           headers(5, request + "\xbf"),
       wrong},
      {"a field larger than the table empties it", "7541 4.4",
       headers(1, request + field("z", std::string(5000, 'z'), 0x40)) + headers(3, request + "\xbe"), wrong},
  };
}

inline h2_cases state_cases() {
  const auto reset_of = [](std::uint32_t id) { return post(id) + reset(id); };
  return {
      {"data on an idle stream", "9113 5.1", data(1, "abc"), connection_error(protocol_error)},
      {"a reset of an idle stream", "9113 5.1", reset(1), connection_error(protocol_error)},
      {"a window update of an idle stream", "9113 5.1", window(1, 1), connection_error(protocol_error)},
      {"a continuation on an idle stream", "9113 6.10", frame(continuation_frame, end_headers, 1, ""),
       connection_error(protocol_error)},
      {"a priority of an idle stream", "9113 5.3", frame(priority_frame, 0, 1, number(3, 4) + "x") + get(1), ok},
      {"data behind the end", "9113 5.1", get(1, "/slow?ms=200") + data(1, "abc"), connection_error(stream_closed)},
      {"headers behind the end", "9113 5.1", get(1, "/slow?ms=200") + get(1), connection_error(stream_closed)},
      // Without a window its answer can't end the stream before the second piece is here.
      {"data behind the end of an upload", "9113 5.1", settings({{4, 0}}) + post(1) + data(1, "abc") + data(1, "abc"),
       connection_error(stream_closed)},
      {"data behind a reset is skipped", "9113 5.1", reset_of(1) + data(1, "abc") + get(3), answered(200, hello, 3)},
      {"headers behind a reset", "9113 5.1", reset_of(1) + get(1), connection_error(stream_closed)},
      {"a window update behind the end", "9113 5.1", get(1, "/slow?ms=50") + window(1, 1), answered(200, "slow\n")},
      {"a window update behind a reset", "9113 5.1", reset_of(1) + window(1, 1) + get(3), answered(200, hello, 3)},
      {"a second reset", "9113 5.1", reset_of(1) + reset(1) + get(3), answered(200, hello, 3)},
      {"a priority behind the end", "9113 5.3", get(1, "/slow?ms=50") + frame(priority_frame, 0, 1, number(3, 4) + "x"),
       answered(200, "slow\n")},
      {"a priority behind a reset", "9113 5.3", reset_of(1) + frame(priority_frame, 0, 1, number(3, 4) + "x") + get(3),
       answered(200, hello, 3)},
      {"a reset by the client", "9113 6.4", get(1, "/slow?ms=10000") + reset(1) + get(3), answered(200, hello, 3)},
      {"a stream of even number", "9113 5.1.1", get(2), connection_error(protocol_error)},
      {"numbers left out", "9113 5.1.1", get(1) + get(77), answered(200, hello, 77)},
      {"a number below the last", "9113 5.1.1", get(5) + get(3) + get(7), answered(200, hello, 7)},
      {"headers on stream 0", "9113 6.2", get(0), connection_error(protocol_error)},
      {"data on stream 0", "9113 6.1", data(0, "abc"), connection_error(protocol_error)},
      {"a priority of stream 0", "9113 6.3", frame(priority_frame, 0, 0, number(3, 4) + "x"),
       connection_error(protocol_error)},
      {"a reset of stream 0", "9113 6.4", reset(0), connection_error(protocol_error)},
      {"settings on a stream", "9113 6.5", frame(settings_frame, 0, 1, ""), connection_error(protocol_error)},
      {"a ping on a stream", "9113 6.7", frame(ping_frame, 0, 1, "12345678"), connection_error(protocol_error)},
      {"a goaway on a stream", "9113 6.8", frame(goaway_frame, 0, 1, number(0, 8)), connection_error(protocol_error)},
      {"a continuation on stream 0", "9113 6.10", frame(continuation_frame, end_headers, 0, ""),
       connection_error(protocol_error)},
      {"a promise by the client", "9113 8.4", post(1) + frame(push_frame, end_headers, 1, number(2, 4) + "\x82"),
       connection_error(protocol_error)},
      {"a goaway by the client", "9113 6.8", get(1, "/slow?ms=50") + go_away(), then_closed(answered(200, "slow\n"))},
      {"an acknowledged ping that nobody sent", "9113 6.7", frame(ping_frame, ack, 0, "12345678") + get(1), ok},
      {"more streams than allowed", "9113 5.1.2",
       [] {
         std::string all;
         for (std::uint32_t id = 1; id <= 201; id += 2) all += post(id);
         return all;
       }(),
       connection_error({protocol_error, refused_stream})},
      {"as many streams as allowed", "9113 5.1.2",
       [] {
         std::string all;
         for (std::uint32_t id = 1; id < 199; id += 2) all += post(id);
         return all + data(1, "abc");
       }(),
       answered(200, "3\n")},
  };
}

inline h2_cases padding_cases() {
  const std::string request = request_block("GET", "/");
  const auto padded_data = [](int pad, const std::string& bytes) {
    return post(1) + frame(data_frame, padded | end_stream, 1, number(static_cast<unsigned>(pad), 1) + bytes);
  };
  return {
      {"padded data", "9113 6.1", padded_data(5, "abc" + std::string(5, '\0')), answered(200, "3\n")},
      {"data that is padding only", "9113 6.1", padded_data(5, std::string(5, '\0')), answered(200, "0\n")},
      {"padding of no byte", "9113 6.1", padded_data(0, "abc"), answered(200, "3\n")},
      {"padding as long as the data", "9113 6.1", padded_data(4, "abc"), connection_error(protocol_error)},
      {"padding longer than the data", "9113 6.1", padded_data(255, "abc"), connection_error(protocol_error)},
      {"padded data without its length", "9113 6.1", post(1) + frame(data_frame, padded | end_stream, 1, ""),
       connection_error({frame_size_error, protocol_error})},
      {"padded headers", "9113 6.2", frame(headers_frame, padded | 5, 1, "\5" + request + std::string(5, '\0')), ok},
      {"padding longer than the headers", "9113 6.2", frame(headers_frame, padded | 5, 1, "\xff" + request),
       connection_error(protocol_error)},
      {"padded headers without their length", "9113 6.2", frame(headers_frame, padded | 5, 1, ""),
       connection_error({frame_size_error, protocol_error})},
      {"headers with a priority", "9113 6.2", frame(headers_frame, priority | 5, 1, number(0, 4) + "\x10" + request),
       ok},
      {"headers with an exclusive priority", "9113 6.2",
       frame(headers_frame, priority | 5, 1, number(0x80000000, 4) + "\xff" + request), ok},
      {"headers too short for their priority", "9113 6.2", frame(headers_frame, priority | 5, 1, "abc"),
       connection_error({frame_size_error, protocol_error})},
      {"padded headers with a priority", "9113 6.2",
       frame(headers_frame, padded | priority | 5, 1, "\3" + number(0, 4) + "\x10" + request + std::string(3, '\0')),
       ok},
  };
}

inline h2_cases continuation_cases() {
  const std::string request = request_block("GET", "/");
  const auto begun = [&](std::size_t bytes) { return headers(1, request.substr(0, bytes), end_stream); };
  const auto rest = [&](std::size_t from, int flags = end_headers, std::uint32_t id = 1) {
    return frame(continuation_frame, flags, id, request.substr(from));
  };
  return {
      {"one continuation", "9113 6.10", begun(5) + rest(5), ok},
      {"headers of no byte", "9113 6.10", begun(0) + rest(0), ok},
      {"a continuation of no byte", "9113 6.10",
       headers(1, request, end_stream) + frame(continuation_frame, end_headers, 1, ""), ok},
      {"several continuations", "9113 6.10",
       begun(3) + frame(continuation_frame, 0, 1, request.substr(3, 4)) +
           frame(continuation_frame, 0, 1, request.substr(7, 1)) + rest(8),
       ok},
      {"a ping in between", "9113 6.10", begun(5) + ping() + rest(5), connection_error(protocol_error)},
      {"data in between", "9113 6.10", begun(5) + data(1, "abc") + rest(5), connection_error(protocol_error)},
      {"another request in between", "9113 6.10", begun(5) + get(3) + rest(5), connection_error(protocol_error)},
      {"an unknown frame in between", "9113 5.5", begun(5) + frame(0x77, 0, 0, "") + rest(5),
       connection_error(protocol_error)},
      {"settings in between", "9113 6.10", begun(5) + settings() + rest(5), connection_error(protocol_error)},
      {"a continuation of another stream", "9113 6.10", begun(5) + rest(5, end_headers, 3),
       connection_error(protocol_error)},
      {"a continuation of none", "9113 6.10", get(1) + rest(5), connection_error(protocol_error)},
      {"a continuation behind data", "9113 6.10", post(1) + data(1, "abc", 0) + frame(continuation_frame, 4, 1, ""),
       connection_error(protocol_error)},
      {"continuations without end", "9113 10.5.1", begun(5) + repeated(frame(continuation_frame, 0, 1, ""), 40),
       connection_error(enhance_your_calm)},
  };
}

inline h2_cases message_cases() {
  const auto wrong = stream_error(protocol_error);
  const fields usual{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
  const auto without = [&](std::size_t which) {
    fields f = usual;
    f.erase(f.begin() + static_cast<std::ptrdiff_t>(which));
    return head_of(f);
  };
  const auto plus = [&](const std::string& name, const std::string& value) {
    fields f = usual;
    f.emplace_back(name, value);
    return head_of(f);
  };
  return {
      {"no method", "9113 8.3.1", without(0), wrong},
      {"no scheme", "9113 8.3.1", without(1), wrong},
      {"no path", "9113 8.3.1", without(2), wrong},
      {"neither authority nor host", "9113 8.3.1", without(3), wrong},
      {"a method twice", "9113 8.3", plus(":method", "GET"), wrong},
      {"a scheme twice", "9113 8.3", plus(":scheme", "http"), wrong},
      {"a path twice", "9113 8.3", plus(":path", "/"), wrong},
      {"an authority twice", "9113 8.3", plus(":authority", "a"), wrong},
      {"an empty path", "9113 8.3.1", head_of({usual[0], usual[1], {":path", ""}, usual[3]}), wrong},
      {"a path without a slash", "9113 8.3.1", head_of({usual[0], usual[1], {":path", "a"}, usual[3]}), wrong},
      {"an asterisk without options", "9113 8.3.1", head_of({usual[0], usual[1], {":path", "*"}, usual[3]}), wrong},
      {"a method that is none", "9113 8.3.1", head_of({{":method", "G T"}, usual[1], usual[2], usual[3]}), wrong},
      {"an empty method", "9113 8.3.1", head_of({{":method", ""}, usual[1], usual[2], usual[3]}), wrong},
      {"an unknown pseudo-field", "9113 8.3", plus(":x", "y"), wrong},
      {"a status in a request", "9113 8.3", plus(":status", "200"), wrong},
      {"a protocol that we did not offer", "8441 4", plus(":protocol", "websocket"), wrong},
      {"a pseudo-field behind a field", "9113 8.3", head_of({usual[0], usual[1], {"x", "y"}, usual[2], usual[3]}),
       wrong},
      {"host in place of authority", "9113 8.3.1", head_of({usual[0], usual[1], usual[2], {"host", "a"}}), ok},
      {"host like authority", "9113 8.3.1", plus("host", "a"), ok},
      {"host unlike authority", "9113 8.3.1", plus("host", "b"), wrong},
      {"a capital letter in a name", "9113 8.2.1", plus("X", "y"), wrong},
      {"a capital letter within a name", "9113 8.2.1", plus("ab-Cd", "y"), wrong},
      {"a space in a name", "9113 8.2.1", plus("a b", "y"), wrong},
      {"a colon in a name", "9113 8.2.1", plus("a:b", "y"), wrong},
      {"an empty name", "9113 8.2.1", plus("", "y"), wrong},
      {"a control character in a name", "9113 8.2.1", plus("a\x01", "y"), wrong},
      {"a byte above ascii in a name", "9113 8.2.1", plus("a\xff", "y"), wrong},
      {"a line feed in a value", "9113 8.2.1", plus("x", "a\nb"), wrong},
      {"a carriage return in a value", "9113 8.2.1", plus("x", "a\rb"), wrong},
      {"a nul in a value", "9113 8.2.1", plus("x", std::string("a\0b", 3)), wrong},
      {"a space before a value", "9113 8.2.1", plus("x", " y"), wrong},
      {"a space behind a value", "9113 8.2.1", plus("x", "y "), wrong},
      {"an empty value", "9113 8.2.1", plus("x", ""), ok},
      {"connection", "9113 8.2.2", plus("connection", "close"), wrong},
      {"keep-alive", "9113 8.2.2", plus("keep-alive", "5"), wrong},
      {"proxy-connection", "9113 8.2.2", plus("proxy-connection", "keep-alive"), wrong},
      {"transfer-encoding", "9113 8.2.2", plus("transfer-encoding", "chunked"), wrong},
      {"upgrade", "9113 8.2.2", plus("upgrade", "h2c"), wrong},
      {"te other than trailers", "9113 8.2.2", plus("te", "gzip"), wrong},
      {"te trailers", "9113 8.2.2", plus("te", "trailers"), ok},
      {"cookies in crumbs", "9113 8.2.3", get(1, "/request/k", {{"cookie", "a=b"}, {"cookie", "c=d"}}),
       answered(200, echo("GET", "k"))},
      {"less data than its length", "9113 8.1.1", post(1, "/upload", {{"content-length", "5"}}) + data(1, "abc"),
       wrong},
      {"more data than its length", "9113 8.1.1", post(1, "/upload", {{"content-length", "2"}}) + data(1, "abc"),
       wrong},
      {"a length without data", "9113 8.1.1", get(1, "/", {{"content-length", "5"}}), wrong},
      {"a length of nothing", "9113 8.1.1", get(1, "/", {{"content-length", "0"}}), ok},
      {"as much data as its length", "9113 8.1.1", post(1, "/upload", {{"content-length", "3"}}) + data(1, "abc"),
       answered(200, "3\n")},
      {"two lengths", "9113 8.1.1",
       post(1, "/upload", {{"content-length", "3"}, {"content-length", "3"}}) + data(1, "abc"), wrong},
      {"a length that is none", "9113 8.1.1", post(1, "/upload", {{"content-length", "x"}}) + data(1, "abc"), wrong},
      {"a negative length", "9113 8.1.1", post(1, "/upload", {{"content-length", "-3"}}) + data(1, "abc"), wrong},
      {"trailers", "9113 8.1", post(1) + data(1, "abc", 0) + headers(1, block({{"x", "y"}})), answered(200, "3\n")},
      {"trailers without the end", "9113 8.1",
       post(1) + data(1, "abc", 0) + headers(1, block({{"x", "y"}}), end_headers), wrong},
      {"a pseudo-field in trailers", "9113 8.1", post(1) + data(1, "abc", 0) + headers(1, block({{":path", "/"}})),
       wrong},
      {"a capital letter in trailers", "9113 8.2.1", post(1) + data(1, "abc", 0) + headers(1, block({{"X", "y"}})),
       wrong},
  };
}

inline h2_cases settings_cases() {
  const auto refused = connection_error(protocol_error);
  return {
      {"push of 2", "9113 6.5.2", settings({{2, 2}}), refused},
      {"push of 1", "9113 6.5.2", settings({{2, 1}}) + get(1), ok},
      {"push of 0", "9113 6.5.2", settings({{2, 0}}) + get(1), ok},
      {"a window beyond 31 bits", "9113 6.5.2", settings({{4, 0x80000000}}), connection_error(flow_control_error)},
      {"the largest window", "9113 6.5.2", settings({{4, 0x7fffffff}}) + get(1), ok},
      {"frames smaller than 16384", "9113 6.5.2", settings({{5, 16'383}}), refused},
      {"frames larger than 24 bits", "9113 6.5.2", settings({{5, 1 << 24}}), refused},
      {"the largest frames", "9113 6.5.2", settings({{5, (1 << 24) - 1}}) + get(1), ok},
      {"an unknown setting", "9113 6.5.2", settings({{0x99, 77}, {0xffff, 1}}) + get(1), ok},
      {"no table for fields", "9113 6.5.2", settings({{1, 0}}) + get(1) + get(3), answered(200, hello, 3)},
      {"a large table for fields", "9113 6.5.2", settings({{1, 1 << 20}}) + get(1) + get(3), answered(200, hello, 3)},
      {"a setting twice", "9113 6.5.3", settings({{4, 1}, {4, 65'535}}) + get(1), ok},
      {"priorities of rfc 7540 as 2", "9218 2.1", settings({{9, 2}}), refused},
      {"a second acknowledgement", "9113 6.5.3", settings_ack() + settings_ack(), refused},
      {"more entries than anybody needs", "9113 10.5", settings(std::vector<std::pair<int, std::uint32_t>>(40, {3, 1})),
       connection_error(enhance_your_calm)},
  };
}

inline h2_cases flow_cases() {
  const std::string big = "/big?bytes=200000";
  return {
      {"an update of nothing for a stream", "9113 6.9", post(1) + window(1, 0), connection_error(protocol_error)},
      {"an update of nothing for the connection", "9113 6.9", window(0, 0), connection_error(protocol_error)},
      {"a window of a stream beyond 31 bits", "9113 6.9.1", post(1) + window(1, 0x7fffffff),
       stream_error(flow_control_error)},
      {"a window of the connection beyond 31 bits", "9113 6.9.1", window(0, 0x7fffffff),
       connection_error(flow_control_error)},
      {"windows beyond 31 bits by settings", "9113 6.9.2",
       post(1) + window(1, 0x7fff0000 - 65'535) + settings({{4, 0x7fffffff}}), stream_error(flow_control_error)},
      {"no more than the window", "9113 6.9", get(1, big), sends(65'535)},
      {"no more than the window of the connection", "9113 6.9", settings({{4, 1'000'000}}) + get(1, big),
       sends(65'535)},
      {"no more than a small window", "9113 6.9.2", settings({{4, 10}}) + get(1, big), sends(10)},
      {"a window of a single byte", "9113 6.9.2", settings({{4, 1}}) + get(1), sends(1)},
      {"nothing without a window", "9113 6.9.2", settings({{4, 0}}) + get(1, big), sends(0)},
      {"an update for a stream", "9113 6.9", settings({{4, 10}}) + get(1, big) + window(1, 5), sends(15)},
      {"an update by settings", "9113 6.9.2", settings({{4, 10}}) + get(1, big) + settings({{4, 30}}), sends(30)},
      {"an update for both", "9113 6.9", get(1, big) + window(1, 20'000) + window(0, 10'000), sends(75'535)},
      {"all of it", "9113 6.9", get(1, big) + window(1, 200'000) + window(0, 200'000), sends(200'000)},
      {"a head needs no window", "9113 6.9", settings({{4, 0}}) + get(1, "/status?code=204"), answered(204, "")},
      {"another stream passes by", "9113 5.2.1", settings({{4, 100}}) + get(1, big) + get(3), answered(200, hello, 3)},
      {"an upload as large as the limit", "9113 6.9",
       post(1) + repeated(data(1, std::string(10'000, 'x'), 0), 6) + data(1, ""), answered(200, "60000\n")},
  };
}

inline h2_cases semantic_cases() {
  const auto method = [](const std::string& m, const std::string& path, const fields& more = {}) {
    return headers(1, request_block(m, path, more));
  };
  const std::string large = request_block("GET", "/", {{"x", std::string(9000, 'x')}, {"y", std::string(9000, 'y')}});
  fields many;
  for (int i = 0; i < 101; ++i) many.emplace_back("x", "y");
  return {
      {"a head", "9110 9.3.2", method("HEAD", "/"), answered(200, "")},
      {"no content", "9110 15.3.5", get(1, "/status?code=204"), answered(204, "")},
      {"not modified", "9110 15.4.5", get(1, "/status?code=304"), answered(304, "")},
      {"an unknown path", "9110 15.5.5", get(1, "/nowhere"), answered(404, "404 Not Found\n")},
      {"a wrong method", "9110 15.5.6", method("PUT", "/"), answered(405)},
      {"options for all", "9110 9.3.7", method("OPTIONS", "*"), answered(204, "")},
      {"connect", "9113 8.5", headers(1, block({{":method", "CONNECT"}, {":authority", "a:443"}})), answered(501)},
      {"connect with a path", "9113 8.5",
       headers(1, block({{":method", "CONNECT"}, {":authority", "a:443"}, {":path", "/"}})),
       stream_error(protocol_error)},
      {"trace", "9110 9.3.8", method("TRACE", "/"), answered(405)},
      {"a path decoded once", "3986 2.4", get(1, "/request/a%2520b"), answered(200, echo("GET", "a%20b"))},
      {"a query", "9113 8.3.1", get(1, "/request/q?a=b"), answered(200, echo("GET", "q"))},
      {"a path that climbs", "3986 5.2.4", get(1, "/a/../b"), answered(400)},
      {"a path that climbs encoded", "3986 5.2.4", get(1, "/a/%2e%2E/b"), answered(400)},
      {"an escape that is none", "3986 2.1", get(1, "/%zz"), answered(400)},
      {"an encoded nul", "3986 2.1", get(1, "/%00"), answered(400)},
      {"a fragment in a path", "9113 8.3.1", get(1, "/a#b"), answered(400)},
      {"another scheme", "9113 8.3.1",
       headers(1, block({{":method", "GET"}, {":scheme", "ftp"}, {":path", "/"}, {":authority", "a"}})), answered(400)},
      {"https as scheme", "9113 8.3.1",
       headers(1, block({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}})), ok},
      {"an authority with user information", "9113 8.3.1",
       headers(1, block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "u@a"}})),
       answered(400)},
      {"an authority with a port", "9113 8.3.1",
       headers(1, block({{":method", "GET"}, {":scheme", "http"}, {":path", "/request/p"}, {":authority", "a:80"}})),
       answered(200, echo("GET", "p", "", "", "a:80"))},
      {"a body", "9113 8.1", post(1, "/request/b") + data(1, "abc"), answered(200, echo("POST", "b", "", "abc"))},
      {"a body in pieces", "9113 8.1", post(1, "/request/b") + data(1, "ab", 0) + data(1, "", 0) + data(1, "c"),
       answered(200, echo("POST", "b", "", "abc"))},
      {"a body of nothing", "9113 8.1", post(1, "/request/b") + data(1, ""), answered(200, echo("POST", "b"))},
      {"a body that a handler takes as it comes", "9113 8.1", post(1) + data(1, "ab", 0) + data(1, "c"),
       answered(200, "3\n")},
      {"a body for which there is no handler", "9113 8.1", post(1, "/nowhere"), answered_early(404)},
      {"a length beyond the limit", "9110 15.5.14", post(1, "/request/b", {{"content-length", "100001"}}),
       answered_early(413)},
      {"101 fields", "6585 5", get(1, "/", many), answered(431)},
      {"fields beyond the limit", "6585 5",
       headers(1, large.substr(0, 16'000), end_stream) +
           frame(continuation_frame, end_headers, 1, large.substr(16'000)),
       answered(431)},
      {"a path beyond the limit", "9110 15.5.15", headers(1, request_block("GET", "/" + std::string(16'300, 'x'))),
       answered(414)},
      {"an expectation", "9110 10.1.1", post(1, "/upload", {{"expect", "100-continue"}}) + data(1, "abc"),
       answered(200, "3\n")},
      {"an unknown expectation", "9110 10.1.1", get(1, "/", {{"expect", "miracles"}}), answered(417)},
      {"a handler that throws", "9110 15.6.1", get(1, "/throw"), answered(500)},
      {"a field passed on", "9113 8.2", get(1, "/request/f", {{"x", "yz"}}), answered(200, echo("GET", "f", "yz"))},
      {"two at once", "9113 5", get(1, "/slow?ms=100") + get(3), answered(200, hello, 3)},
      {"the later of two first", "9113 5", get(3, "/slow?ms=100") + get(5), answered(200, "slow\n", 3)},
  };
}

inline h2_cases flood_cases() {
  const auto calm = connection_error(enhance_your_calm);
  std::string resets, mistakes;
  for (std::uint32_t id = 1; id < 2 * 250; id += 2) resets += get(id, "/slow?ms=10000") + reset(id);
  for (std::uint32_t id = 1; id < 2 * 250; id += 2) mistakes += get(id, "/slow?ms=10000") + window(id, 0x7fffffff);
  return {
      {"streams reset as fast as they come", "9113 10.5", resets, calm},
      {"streams that we have to reset", "9113 10.5", mistakes, connection_error({enhance_your_calm, protocol_error})},
      {"pings", "9113 10.5", repeated(ping(), 300), calm},
      {"settings", "9113 10.5", repeated(settings(), 300), calm},
      {"empty data", "9113 10.5", post(1) + repeated(data(1, "", 0), 300), calm},
      {"priorities", "9113 10.5", repeated(frame(priority_frame, 0, 1, number(3, 4) + "x"), 1200), calm},
      {"a few pings", "9113 6.7", repeated(ping(), 50) + get(1), ok},
      {"a hundred streams reset at once", "9113 5.4.2",
       [] {
         std::string all;
         for (std::uint32_t id = 1; id < 199; id += 2) all += get(id, "/slow?ms=10000");
         for (std::uint32_t id = 1; id < 199; id += 2) all += reset(id);
         return all + get(201);
       }(),
       answered(200, hello, 201)},
  };
}

}  // namespace h2

}  // namespace process_tests
