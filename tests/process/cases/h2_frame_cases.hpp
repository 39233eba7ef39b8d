// What RFC 9113 and 7541 ask of an HTTP/2 server, and what nobody should send one: framing, header compression, states
// of streams, padding, CONTINUATION.
#pragma once

#include "tests/process/cases/h2_case.hpp"

namespace process_tests {

namespace h2 {

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
      {"a priority of 4 bytes", "9113 6.3", frame(priority_frame, 0, 1, "abcd"), connection_error(frame_size_error)},
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
      {"a number below the last", "9113 5.1.1", get(5) + get(3) + get(7), connection_error(protocol_error)},
      {"a number far below the last", "9113 5.1.1", get(1) + get(301) + get(101), connection_error(protocol_error)},
      {"a number of a gap between others", "9113 5.1.1", get(3) + get(7) + get(11) + get(1),
       connection_error(protocol_error)},
      {"a priority of an idle stream passes over nothing", "9113 5.1.1",
       frame(priority_frame, 0, 99, number(3, 4) + "x") + get(1), ok},
      {"a window update of an idle stream above others", "9113 5.1", get(1) + window(5, 1),
       connection_error(protocol_error)},
      {"a reset of an idle stream above others", "9113 5.1", get(1) + reset(5), connection_error(protocol_error)},
      {"data on an idle stream above others", "9113 5.1", get(1) + data(5, "abc"), connection_error(protocol_error)},
      {"data on an idle stream of ours", "9113 5.1", data(2, "abc"), connection_error(protocol_error)},
      {"a reset of an idle stream of ours", "9113 5.1", reset(2), connection_error(protocol_error)},
      {"a window update of an idle stream of ours", "9113 5.1", window(2, 1), connection_error(protocol_error)},
      {"data on a stream that was passed over is skipped", "9113 5.1", get(5) + data(3, "abc") + get(7),
       answered(200, hello, 7)},
      {"a reset of a stream that was passed over", "9113 5.1", get(5) + reset(3) + get(7), answered(200, hello, 7)},
      {"a window update of a stream that was passed over", "9113 5.1", get(5) + window(3, 1) + get(7),
       answered(200, hello, 7)},
      {"a priority of a stream that was passed over", "9113 5.3",
       get(5) + frame(priority_frame, 0, 3, number(3, 4) + "x") + get(7), answered(200, hello, 7)},
      {"a window update that is too large behind a reset", "9113 6.9.1", reset_of(1) + window(1, 0x7fffffff) + get(3),
       answered(200, hello, 3)},
      {"headers without an end behind the end", "9113 5.1", get(1, "/slow?ms=200") + post(1),
       connection_error(stream_closed)},
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

}  // namespace h2

}  // namespace process_tests
