// What RFC 9110 and 9112 ask of an HTTP/1.1 server, and what nobody should send one: methods, status codes, and
// handlers that read or write in pieces.
#pragma once

#include "tests/process/cases/requests.hpp"

namespace process_tests {

inline conversations method_cases() {
  const auto to_head = [](int status, std::vector<std::string> lines = {}) {
    return reply{.status = status, .lines = std::move(lines), .to_head = true};
  };
  const std::vector<std::string> of_root{"Allow: GET, HEAD, OPTIONS"}, of_upload{"Allow: POST, OPTIONS"};
  return {
      {"head", "9110 9.3.2", {ask("HEAD", "/"), to_head(200, {"Content-Length: 6"})}},
      {"head of a long body",
       "9110 9.3.2",
       {ask("HEAD", "/big?bytes=1000000"), to_head(200, {"Content-Length: 1000000"})}},
      {"head of an unknown path", "9110 9.3.2", {ask("HEAD", "/nowhere"), to_head(404)}},
      {"head where only post is", "9110 9.3.2", {ask("HEAD", "/upload"), to_head(405, of_upload)}},
      {"head of an unsound path", "9110 9.3.2", {ask("HEAD", "/.."), to_head(400)}},
      {"head of a failed handler", "9110 9.3.2", {ask("HEAD", "/throw"), to_head(500)}},
      {"head of an answer that comes later",
       "9110 9.3.2",
       {ask("HEAD", "/slow?ms=1"), to_head(200, {"Content-Length: 5"})}},
      {"head in http 1.0", "9110 9.3.2", {bare("", "HEAD / HTTP/1.0"), to_head(200, {"Content-Length: 6"})}, closed},
      {"head refused for its body",
       "9110 9.3.2",
       {ask("HEAD", "/", "Content-Length: 100001\r\n"), to_head(413)},
       closed},
      {"head refused for its fields", "9110 9.3.2", {bare("", "HEAD / HTTP/1.1"), to_head(400)}, closed},
      {"head refused for its size",
       "9110 9.3.2",
       {ask("HEAD", "/", "X: " + std::string(20'000, 'x') + "\r\n"), to_head(431)},
       closed},
      {"options of a path", "9110 9.3.7", {ask("OPTIONS", "/"), reply{.status = 204, .body = "", .lines = of_root}}},
      {"options of another path",
       "9110 9.3.7",
       {ask("OPTIONS", "/upload"), reply{.status = 204, .body = "", .lines = of_upload}}},
      {"options of an unknown path", "9110 9.3.7", {ask("OPTIONS", "/nowhere"), not_found}},
      {"options with a body",
       "9110 9.3.7",
       {ask("OPTIONS", "/", "Content-Length: 3\r\n") + "abc", reply{.status = 204, .body = "", .lines = of_root}}},
      {"options by a handler", "9110 9.3.7", {ask("OPTIONS", "/request/o"), echo({.method = "OPTIONS", .rest = "o"})}},
      {"post where only get is",
       "9110 15.5.6",
       {ask("POST", "/", "Content-Length: 0\r\n"),
        reply{.status = 405, .body = "405 Method Not Allowed\n", .lines = of_root}}},
      {"get where only post is", "9110 15.5.6", {get("/upload"), reply{.status = 405, .lines = of_upload}}},
      {"delete", "9110 15.5.6", {ask("DELETE", "/"), reply{.status = 405, .lines = of_root}}},
      {"patch", "9110 15.5.6", {ask("PATCH", "/"), reply{.status = 405, .lines = of_root}}},
      {"trace shows nothing",
       "9110 9.3.8",
       {ask("TRACE", "/", "Cookie: secret\r\n"),
        reply{.status = 405, .body = "405 Method Not Allowed\n", .lines = of_root}}},
      {"post to a health check",
       "9110 15.5.6",
       {ask("POST", "/livez", "Content-Length: 0\r\n"), reply{.status = 405, .lines = of_root}},
       open},
      {"put with a body by a handler",
       "9110 9.3.4",
       {ask("PUT", "/request/p", "Content-Length: 3\r\n") + "abc",
        echo({.method = "PUT", .rest = "p", .body = "abc"})}},
  };
}

inline conversations status_cases() {
  const auto status = [](int code) { return get("/status?code=" + std::to_string(code)); };
  const std::vector<std::string> framing{"Content-Length", "Transfer-Encoding"};
  conversations all{
      {"204 without framing", "9110 8.6", {status(204), reply{.status = 204, .body = "", .without = framing}}},
      {"205 without a body",
       "9110 15.3.6",
       {status(205), reply{.status = 205, .body = "", .lines = {"Content-Length: 0"}}}},
      {"304 without a body", "9110 15.4.5", {status(304), reply{.status = 304, .body = "", .without = framing}}},
      {"204 in http 1.0",
       "9110 8.6",
       {bare("", "GET /status?code=204 HTTP/1.0"), reply{.status = 204, .body = "", .without = framing}},
       closed},
      {"204 to head",
       "9110 8.6",
       {ask("HEAD", "/status?code=204"), reply{.status = 204, .without = framing, .to_head = true}}},
      {"204 and close",
       "9112 9.6",
       {get("/status?code=204", "Connection: close\r\n"), reply{.status = 204, .body = "", .without = framing}},
       closed},
      {"a handler that throws",
       "9110 15.6.1",
       {get("/throw"), reply{.status = 500, .body = "internal server error\n"}}},
  };
  for (const auto& [name, code] : {std::pair{"200", 200}, {"299", 299}, {"302", 302}, {"404", 404}, {"503", 503}})
    all.push_back({name, "9110 15", {status(code), reply{.status = code, .body = "status\n"}}});
  return all;
}

/// Of handlers that read or write in pieces.
inline conversations streaming_cases() {
  const std::string ten = "/big?bytes=10", of_unknown_length = ten + "&chunked=1", kept = "Connection: keep-alive\r\n";
  const auto in_1_0 = [&](const std::string& asked) { return bare(kept, asked + " HTTP/1.0"); };
  const std::vector<std::string> framing{"Content-Length", "Transfer-Encoding"};
  const reply in_chunks{.status = 200,
                        .body = "a\r\nxxxxxxxxxx\r\n0\r\n\r\n",
                        .lines = {"Transfer-Encoding: chunked"},
                        .without = {"Content-Length"}};
  const reply refused{.status = 400, .body = "no such place\n"};
  const std::string unwanted = "/upload?name=.x";  // refused without a look at the body
  return {
      {"a known length",
       "9110 8.6",
       {get(ten), reply{.status = 200, .body = "xxxxxxxxxx", .without = {"Transfer-Encoding"}}}},
      {"an unknown length", "9112 7.1", {get(of_unknown_length), in_chunks}},
      {"nothing of an unknown length",
       "9112 7.1",
       {get("/big?bytes=0&chunked=1"), reply{.status = 200, .body = "0\r\n\r\n", .without = {"Content-Length"}}}},
      {"many pieces", "9112 7.1", {get("/big?bytes=70000&chunked=1") + get("/"), reply{.status = 200}, ok}},
      {"behind an unknown length", "9112 9.3.2", {get(of_unknown_length) + get("/"), in_chunks, ok}},
      {"an unknown length and close", "9112 9.6", {get(of_unknown_length, "Connection: close\r\n"), in_chunks}, closed},
      {"head of a known length",
       "9110 9.3.2",
       {ask("HEAD", ten), reply{.status = 200, .lines = {"Content-Length: 10"}, .to_head = true}}},
      {"head of an unknown length",
       "9110 9.3.2",
       {ask("HEAD", of_unknown_length), reply{.status = 200, .without = {"Content-Length"}, .to_head = true}}},
      {"a known length in http 1.0",
       "9112 9.3",
       {in_1_0("GET " + ten), reply{.status = 200, .body = "xxxxxxxxxx", .lines = {"Connection: keep-alive"}}}},
      {"an unknown length in http 1.0 ends with the connection",
       "9112 6.1, 6.3",
       {in_1_0("GET " + of_unknown_length), reply{.status = 200, .body = "xxxxxxxxxx", .without = framing}},
       closed},
      {"head of an unknown length in http 1.0",
       "9112 6.1",
       {in_1_0("HEAD " + of_unknown_length), reply{.status = 200, .without = framing, .to_head = true}},
       closed},
      // Of which all is here when the answer is made; otherwise the answer says close.
      {"a body that the handler does not read",
       "9112 9.3",
       {ask("POST", unwanted, "Content-Length: 3\r\n") + "abc" + get("/"), refused, ok},
       open,
       ours,
       nullptr,
       false},
      {"chunks that the handler does not read",
       "9112 9.3",
       {ask("POST", unwanted, "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n" + get("/"), refused, ok},
       open,
       ours,
       nullptr,
       false},
      {"an answer before the body is here",
       "9112 9.3",
       {ask("POST", unwanted, "Content-Length: 3\r\n"), refused},
       closed},
      {"no continue where the handler does not read",
       "9110 10.1.1",
       {ask("POST", unwanted, "Content-Length: 3\r\nExpect: 100-continue\r\n"), refused},
       closed},
      {"a malformed chunk behind a sound one", "9112 7.1", {chunked("3\r\nabc\r\nx\r\n"), bad}, closed},
      {"too much in the second chunk",
       "9110 15.5.14",
       {chunked("3\r\nabc\r\n186a0\r\n"), reply{.status = 413}},
       closed},
  };
}

}  // namespace process_tests
