// What RFC 9113 and 7541 ask of an HTTP/2 server, and what nobody should send one: messages, SETTINGS, flow control,
// floods.
#pragma once

#include "tests/process/cases/h2_case.hpp"

namespace process_tests {

namespace h2 {

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
      {"a websocket", "9113 8.6", get(1, "/ws"), stream_error(http_1_1_required)},
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
       h2::refused()},
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
