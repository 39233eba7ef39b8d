// What RFC 9110 and 9112 ask of an HTTP/1.1 server: persistence, pipelines, half-closed clients.
#pragma once

#include "tests/process/cases/requests.hpp"

namespace process_tests {

inline conversations persistence_cases() {
  const auto with = [](const std::string& value) { return get("/", "Connection: " + value + "\r\n"); };
  const auto old = [](const std::string& fields) { return bare(fields, "GET / HTTP/1.0"); };
  const reply kept{.status = 200, .body = "hello\n", .lines = {"Connection: keep-alive"}};
  const reply silent{.status = 200, .body = "hello\n", .without = {"Connection", "Keep-Alive"}};
  return {
      {"open unless told otherwise", "9112 9.3", {get("/"), silent, get("/"), silent}, open, agreed},
      {"close", "9112 9.6", {with("close"), ok}, closed, agreed},
      {"close in any case", "9110 7.6.1", {with("Close"), ok}, closed, agreed},
      {"close in a list", "9110 7.6.1", {with("x, \tclose , y"), ok}, closed, agreed},
      {"close behind empty elements", "9110 5.6.1", {with(",, close"), ok}, closed, agreed},
      {"close in a second line", "9110 5.3", {get("/", "Connection: x\r\nConnection: close\r\n"), ok}, closed},
      {"close beats keep alive", "9112 9.3", {with("keep-alive, close"), ok}, closed},
      {"a word that begins with close", "9110 7.6.1", {with("closed"), ok}},
      {"a word that ends in close", "9110 7.6.1", {with("not-close"), ok}},
      {"keep alive", "9112 9.3", {with("keep-alive"), silent}, open, agreed},
      {"close named in another field", "9110 7.6.1", {get("/", "X: close\r\n"), ok}, open, agreed},
      {"keep alive with parameters",
       "9112 C.2.2",
       {get("/", "Keep-Alive: timeout=1, max=1\r\n"), silent},
       open,
       agreed},
      {"fields that a connection names", "9110 7.6.1", {get("/", "Connection: x, host\r\nX: y\r\n"), ok}},
      {"http 1.0 closes", "9112 9.3", {old(""), ok}, closed, agreed},
      {"http 1.0 with host closes", "9112 9.3", {old("Host: a\r\n"), ok}, closed, agreed},
      {"http 1.0 kept alive", "9112 9.3", {old("Connection: keep-alive\r\n"), kept}, open, agreed},
      {"http 1.0 kept alive in any case", "9112 9.3", {old("connection: Keep-Alive\r\n"), kept}, open, agreed},
      {"http 1.0 kept alive and closed", "9112 9.3", {old("Connection: keep-alive, close\r\n"), ok}, closed},
      {"http 1.0 kept alive twice",
       "9112 9.3",
       {old("Connection: keep-alive\r\n"), kept, old("Connection: keep-alive\r\n"), kept}},
      {"http 1.0 with a length",
       "9112 6.3",
       {bare("Content-Length: 3\r\n", "POST /upload HTTP/1.0") + "abc", stored(3)},
       closed,
       agreed},
      {"http 1.0 without a length", "9112 6.3", {bare("", "POST /upload HTTP/1.0"), stored(0)}, closed},
      {"close with a body",
       "9112 9.6",
       {post("Connection: close\r\nContent-Length: 3\r\n", "abc"), stored(3)},
       closed,
       agreed},
      {"close with an unknown path", "9112 9.6", {get("/nowhere", "Connection: close\r\n"), not_found}, closed, agreed},
      {"close with head",
       "9112 9.6",
       {ask("HEAD", "/", "Connection: close\r\n"), reply{.status = 200, .to_head = true}},
       closed},
      {"an upgrade that we do not know",
       "9110 7.8",
       {get("/", "Connection: Upgrade\r\nUpgrade: x/1\r\n"), silent},
       open,
       agreed},
      {"an upgrade to h2c",
       "9113 3.1",
       {get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), silent},
       open,
       agreed},
      {"a websocket where there is none",
       "9110 7.8",
       {get("/",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
        silent},
       open,
       agreed},
  };
}

inline conversations pipelining_cases() {
  const auto numbered = [](int n) { return get("/request/" + std::to_string(n)); };
  const auto answer = [](int n) { return echo({.rest = std::to_string(n)}); };
  conversation forty{"forty in order", "9112 9.3.2", {std::string()}};
  for (int n = 0; n < 40; ++n) {
    std::get<std::string>(forty.talk.front()) += numbered(n);
    forty.talk.emplace_back(answer(n));
  }
  return {
      {"three in order", "9112 9.3.2", {numbered(1) + numbered(2) + numbered(3), answer(1), answer(2), answer(3)}},
      std::move(forty),
      {"behind a slow one",
       "9112 9.3.2",
       {get("/slow?ms=50") + numbered(2), reply{.status = 200, .body = "slow\n"}, answer(2)}},
      {"behind an unknown path", "9112 9.3.2", {get("/nowhere") + get("/"), not_found, ok}, open, agreed},
      {"behind a wrong method", "9112 9.3.2", {ask("DELETE", "/") + get("/"), reply{.status = 405}, ok}},
      {"behind a failed handler", "9112 9.3.2", {get("/throw") + get("/"), reply{.status = 500}, ok}},
      {"behind head", "9112 9.3.2", {ask("HEAD", "/") + get("/"), reply{.status = 200, .to_head = true}, ok}},
      {"behind 204", "9112 6.3", {get("/status?code=204") + get("/"), reply{.status = 204, .body = ""}, ok}},
      {"behind 304", "9112 6.3", {get("/status?code=304") + get("/"), reply{.status = 304, .body = ""}, ok}},
      {"behind a body", "9112 9.3.2", {sized("abc") + sized("de") + get("/"), stored(3), stored(2), ok}, open, agreed},
      {"behind chunks",
       "9112 9.3.2",
       {chunked("3\r\nabc\r\n0\r\n\r\n") + chunked("0\r\nX: y\r\n\r\n") + get("/"), stored(3), stored(0), ok},
       open,
       agreed},
      {"behind a body and a line end", "9112 2.2", {sized("abc") + "\r\n" + get("/"), stored(3), ok}, open, agreed},
      {"a body that looks like a request",
       "9112 6.3",
       {sized(get("/nowhere")) + get("/"), stored(get("/nowhere").size()), ok},
       open,
       agreed},
      {"behind close nothing", "9112 9.6", {get("/", "Connection: close\r\n") + get("/"), ok}, closed, agreed},
      {"behind http 1.0 nothing", "9112 9.6", {bare("", "GET / HTTP/1.0") + get("/"), ok}, closed, agreed},
      {"behind close not even noise",
       "9112 9.6",
       {get("/", "Connection: close\r\n") + std::string(100, '\0'), ok},
       closed},
      {"behind a refusal nothing", "9112 9.6", {bare("") + get("/"), bad}, closed, agreed},
      {"a refusal behind answers",
       "9112 9.6",
       {get("/") + get("/") + bare("") + get("/"), ok, ok, bad},
       closed,
       agreed},
      {"a body too large behind an answer",
       "9112 9.6",
       {get("/") + post("Content-Length: 100001\r\n") + get("/"), ok, reply{.status = 413}},
       closed},
      {"continue behind an answer",
       "9110 10.1.1",
       {get("/") + post("Expect: 100-continue\r\nContent-Length: 3\r\n"), ok, reply{.status = 100}, "abc", stored(3)}},
  };
}

inline conversations half_close_cases() {
  const end_of_sending fin;
  return {
      {"behind a request", "9112 9.6", {get("/"), fin, ok}, closed, agreed},
      {"behind a slow one", "9112 9.6", {get("/slow?ms=50"), fin, reply{.status = 200, .body = "slow\n"}}, closed},
      {"behind a pipeline", "9112 9.6", {get("/") + sized("abc") + get("/"), fin, ok, stored(3), ok}, closed},
      {"behind a body", "9112 9.6", {sized("abc"), fin, stored(3)}, closed},
      {"behind an answer", "9112 9.6", {get("/"), ok, fin}, closed},
      {"behind a refusal", "9112 9.6", {bare(""), fin, bad}, closed},
      {"at once", "9112 8", {fin}, closed},
      {"in the request line", "9112 8", {"GET / HT", fin}, closed},
      {"in the head", "9112 8", {"GET / HTTP/1.1\r\nHost: a\r\n", fin}, closed},
      {"in a body", "9112 8", {post("Content-Length: 3\r\n", "ab"), fin}, closed},
      {"in a chunk", "9112 8", {chunked("3\r\nab"), fin}, closed},
      {"before the last chunk", "9112 8", {chunked("3\r\nabc\r\n"), fin}, closed},
      {"in the last chunk", "9112 8", {chunked("3\r\nabc\r\n0\r\n"), fin}, closed},
      {"in the second request", "9112 8", {get("/") + "GET / HT", fin, ok}, closed},
      {"while continue is expected",
       "9112 8",
       {post("Expect: 100-continue\r\nContent-Length: 3\r\n"), reply{.status = 100}, fin},
       closed},
  };
}

}  // namespace process_tests
