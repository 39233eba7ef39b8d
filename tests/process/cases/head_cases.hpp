// What RFC 9110 and 9112 ask of an HTTP/1.1 server, and what nobody should send one: request lines, targets and header
// fields.
#pragma once

#include "tests/process/cases/requests.hpp"

namespace process_tests {

inline conversations request_line_cases() {
  const std::string source = "9112 3";
  conversations all{
      {"get", "9110 9.3.1", {get("/"), ok}, open, agreed},
      {"one empty line before it", "9112 2.2", {"\r\n" + get("/"), ok}, open, agreed},
      {"two empty lines before it", "9112 2.2", {"\r\n\r\n" + get("/"), ok}},
      // Not torn: empty lines that come alone are forgotten while the connection waits for more.
      {"three empty lines before it", "9112 2.2", {"\r\n\r\n\r\n" + get("/"), bad}, closed, ours, nullptr, false},
      {"a bare lf before it", "9112 2.2", {"\n" + get("/"), bad}, closed},
      {"a bare cr before it", "9112 2.2", {"\r" + get("/"), bad}, closed},
      {"a method in lower case is another one", "9110 9.1", {ask("get", "/"), reply{.status = 501}}},
      {"an unknown method", "9110 15.6.2", {ask("BREW", "/") + get("/"), reply{.status = 501}, ok}},
      {"an unknown method, nowhere", "9110 15.6.2", {ask("BREW", "/nowhere"), reply{.status = 501}}},
      {"an unknown method with a body",
       "9110 15.6.2",
       {ask("BREW", "/", "Content-Length: 3\r\n") + "abc" + get("/"), reply{.status = 501}, ok}},
      {"an unknown method of a path that takes any",
       "9110 9.1",
       {ask("BREW", "/request/m"), echo({.method = "BREW", .rest = "m"})}},
      {"a method of every token character",
       "9110 5.6.2",
       {ask("!#$%&'*+-.^_`|~09aZ", "/request/m"), echo({.method = "!#$%&'*+-.^_`|~09aZ", .rest = "m"})}},
      {"a method of 10000 characters", "9112 3", {ask(std::string(10'000, 'A'), "/"), reply{.status = 501}}},
      {"a request line that never ends", "9112 3", {std::string(20'000, 'A'), reply{.status = 414}}, closed},
      {"the higher major version 2",
       "9110 2.5",
       {bare("Host: a\r\n", "GET / HTTP/2.0"), reply{.status = 505}},
       closed,
       agreed},
      {"the higher major version 3",
       "9110 2.5",
       {bare("Host: a\r\n", "GET / HTTP/3.0"), reply{.status = 505}},
       closed,
       agreed},
      {"the lower major version 0", "9110 2.5", {bare("Host: a\r\n", "GET / HTTP/0.9"), reply{.status = 505}}, closed},
      {"a higher minor version", "9110 2.5", {bare("Host: a\r\n", "GET / HTTP/1.2"), reply{.status = 505}}, closed},
      {"the preface of http 2", "9113 3.4", {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", reply{.status = 505}}, closed},
      {"a simple request of http 0.9", "9112 3", {"GET /\r\n\r\n", bad}, closed},
  };
  const std::vector<std::pair<const char*, std::string>> malformed{
      {"two spaces before the target", "GET  / HTTP/1.1"},
      {"two spaces before the version", "GET /  HTTP/1.1"},
      {"a tab before the target", "GET\t/ HTTP/1.1"},
      {"a tab before the version", "GET /\tHTTP/1.1"},
      {"a vertical tab before the version", "GET /\vHTTP/1.1"},
      {"a space before the method", " GET / HTTP/1.1"},
      {"a space behind the version", "GET / HTTP/1.1 "},
      {"no target", "GET HTTP/1.1"},
      {"an empty target", "GET  HTTP/1.1"},
      {"a space in the target", "GET /a b HTTP/1.1"},
      {"no method", "/ HTTP/1.1"},
      {"a parenthesis in the method", "GE(T / HTTP/1.1"},
      {"a colon in the method", "GET: / HTTP/1.1"},
      {"a high byte in the method", "G\xc3\x8aT / HTTP/1.1"},
      {"the protocol in lower case", "GET / http/1.1"},
      {"another protocol", "GET / HTTPS/1.1"},
      {"a version without its minor", "GET / HTTP/1"},
      {"a version without a dot", "GET / HTTP/11"},
      {"a version with a comma", "GET / HTTP/1,1"},
      {"a version of two digits", "GET / HTTP/1.10"},
      {"a version with a leading zero", "GET / HTTP/01.1"},
      {"a version with more behind it", "GET / HTTP/1.1x"},
      {"a space in the version", "GET / HTTP /1.1"},
      {"a signed version", "GET / HTTP/1.+1"},
      {"a bare cr in the line", "GET / HTTP/1.1\rX: y"},
      {"a bare cr for a space", "GET /\rHTTP/1.1"},
      {"a nul in the target", std::string("GET /\0 HTTP/1.1", 15)},
      {"a del in the target", "GET /\x7f HTTP/1.1"},
      {"a control in the target", "GET /\x01 HTTP/1.1"},
      {"a high byte in the target", "GET /\xc3\xa4 HTTP/1.1"},
  };
  for (const auto& [name, line] : malformed) all.push_back({name, "9112 3", {bare("Host: a\r\n", line), bad}, closed});
  all.push_back({"a bare lf behind it", "9112 2.2", {"GET / HTTP/1.1\nHost: a\r\n\r\n", bad}, closed});
  return all;
}

inline conversations target_cases() {
  conversations all{
      {"absolute form", "9112 3.2.2", {get("http://a/"), ok}, open, agreed},
      {"absolute form beats host", "9112 3.2.2", {get("http://b:81/request/r"), echo({.host = "b:81", .rest = "r"})}},
      {"absolute form of https", "9112 3.2.2", {get("https://a/"), ok}},
      {"absolute form in any case", "9110 4.2.3", {get("HTTP://A/"), ok}, open, agreed},
      {"absolute form without a path", "9110 4.2.3", {get("http://a"), ok}, open, agreed},
      {"absolute form without a path but a query", "9110 4.2.3", {get("http://a?b=c"), ok}},
      {"absolute form without host", "9112 3.2", {bare("", "GET http://a/ HTTP/1.1"), bad}, closed, agreed},
      {"absolute form with two hosts", "9112 3.2", {get("http://a/", "Host: a\r\n"), bad}, closed, agreed},
      {"asterisk form",
       "9112 3.2.4",
       {ask("OPTIONS", "*"), reply{.status = 204, .body = "", .without = {"Content-Length", "Transfer-Encoding"}}}},
      {"an encoded letter", "9110 4.2.3", {ask("POST", "/%75pl%6Fad", "Content-Length: 0\r\n"), stored(0)}},
      {"decoded once", "3986 2.4", {get("/request/%2541"), echo({.rest = "%41"})}},
      {"an encoded dot decoded once is none", "3986 2.4", {get("/%252e%252e/"), not_found}},
      {"a plus is a plus in a path", "3986 2.2", {get("/request/a+b"), echo({.rest = "a+b"})}},
      {"an encoded slash in a literal", "3986 2.2", {get("/request%2Fa"), not_found}},
      {"an encoded question mark is of the path", "3986 2.2", {get("/request/a%3Fb"), echo({.rest = "a?b"})}},
      {"three dots are a name", "3986 3.3", {get("/request/..."), echo({.rest = "..."})}},
      {"a dot before a name", "3986 3.3", {get("/.well-known"), not_found}, open, agreed},
      {"dots in a query", "3986 3.4", {get("/?../../a"), ok}, open, agreed},
      {"an empty query", "3986 3.4", {get("/?"), ok}, open, agreed},
      {"a malformed escape in a query", "3986 3.4", {get("/?a=%zz"), ok}, open, agreed},
      {"a slash too many", "3986 3.3", {get("//request/a"), not_found}},
      {"a slash behind a literal", "3986 3.3", {get("/status/"), not_found}},
      {"what browsers send unescaped", "9112 3.2", {get("/request/{|}\"^`"), echo({.rest = "{|}\"^`"})}},
      {"an unknown path", "9110 15.5.5", {get("/nowhere"), not_found}, open, agreed},
      {"a target of 16000 characters", "9110 4.1", {get("/" + std::string(16'000, 'x')), not_found}},
      {"a target beyond the limit",
       "9112 3",
       {get("/" + std::string(17'000, 'x')), reply{.status = 414}},
       closed,
       agreed},
      {"a target of 1 MB", "9112 3", {get("/" + std::string(1'000'000, 'x')), reply{.status = 414}}, closed},
      {"connect", "9110 9.3.6", {ask("CONNECT", "a:80"), reply{.status = 501}}, closed},
  };
  // The path is bad, not the message: its end is known, and the connection goes on.
  const std::vector<std::pair<const char*, std::string>> unsound{
      {"dot dot", "/.."},
      {"dot dot inside", "/a/../b"},
      {"dot dot at the end", "/a/.."},
      {"a dot", "/./a"},
      {"dot dot encoded", "/%2e%2E/a"},
      {"dot dot half encoded", "/.%2e/a"},
      {"dot dot beside an encoded slash", "/a%2f../b"},
      {"an encoded nul", "/a%00"},
      {"a percent sign alone", "/a%"},
      {"half an escape", "/a%4"},
      {"an escape that is none", "/a%zz"},
      {"an escape with a sign", "/a%+1"},
  };
  for (const auto& [name, path] : unsound) all.push_back({name, "3986 2.1, 5.2.4", {get(path), bad}});
  const std::vector<std::pair<const char*, std::string>> malformed{
      {"a fragment", "GET /#a"},
      {"a relative target", "GET hello"},
      {"another scheme", "GET ftp://a/"},
      {"a scheme without an authority", "GET http:///"},
      {"a scheme without slashes", "GET http:a"},
      {"user information", "GET http://u:p@a/"},
      {"a port that is none", "GET http://a:b/"},
      {"only a port", "GET http://:80/"},
      {"asterisk form for get", "GET *"},
      {"asterisk and more", "OPTIONS *x"},
      {"authority form for get", "GET a:80"},
      {"origin form for connect", "CONNECT /"},
      {"connect without a port", "CONNECT a"},
      {"connect with user information", "CONNECT u@a:80"},
      {"a backslash for a slash", "GET \\"},
  };
  for (const auto& [name, line] : malformed)
    all.push_back({name, "9112 3.2", {bare("Host: a\r\n", line + " HTTP/1.1"), bad}, closed});
  return all;
}

inline conversations host_cases() {
  const auto named = [](const std::string& host) { return bare("Host: " + host + "\r\n", "GET /request/h HTTP/1.1"); };
  conversations all{
      {"none", "9112 3.2", {bare(""), bad}, closed, agreed},
      {"two", "9112 3.2", {bare("Host: a\r\nHost: b\r\n"), bad}, closed, agreed},
      {"the same twice", "9112 3.2", {bare("Host: a\r\nHost: a\r\n"), bad}, closed, agreed},
      {"two in http 1.0", "9112 3.2", {bare("Host: a\r\nHost: b\r\n", "GET / HTTP/1.0"), bad}, closed},
      {"none in http 1.0", "9112 3.2", {bare("", "GET / HTTP/1.0"), ok}, closed, agreed},
      {"an empty one", "9110 7.2", {named(""), echo({.host = "", .rest = "h"})}},
      {"in any case", "9110 5.1", {bare("hOsT: a\r\n"), ok}, open, agreed},
  };
  for (const char* sound : {"a:8080", "a:", "[::1]", "[::1]:80", "127.0.0.1", "a_b.c-d", "a.", "a%20b"})
    all.push_back({sound, "9110 7.2", {named(sound), echo({.host = sound, .rest = "h"})}});
  for (const char* malformed : {"a, b", "a b", "a/b", "a?b", "a#b", "u@a", "a:b", "a:-1", "a:123456", "[::1", "::1",
                                "[]", "[::1]x", "http://a", "a\\b", "\"a\"", "<a>", "\xc3\xa4"})
    all.push_back({malformed, "9112 3.2", {named(malformed), bad}, closed});
  return all;
}

inline conversations field_cases() {
  const auto with_x = [](const std::string& line) { return get("/request/f", line + "\r\n"); };
  const reply nothing = echo({.rest = "f"});
  const auto x = [](const std::string& value) { return echo({.rest = "f", .x = value}); };
  conversations all{
      {"no space behind the colon", "9112 5.1", {with_x("X:a"), x("a")}, open, agreed},
      {"spaces and tabs around a value", "9112 5.1", {with_x("X: \t a b\tc \t"), x("a b\tc")}, open, agreed},
      {"an empty value", "9110 5.5", {with_x("X:"), x("")}, open, agreed},
      {"a value of white space", "9110 5.5", {with_x("X: \t "), x("")}, open, agreed},
      {"a name in any case", "9110 5.1", {with_x("x: a"), x("a")}, open, agreed},
      {"the first of two", "9110 5.3", {with_x("X: a\r\nX: b"), x("a")}},
      {"a name of every token character", "9110 5.6.2", {with_x("!#$%&'*+-.^_`|~09aZ: b"), nothing}},
      {"a name of 10000 characters", "9110 5.1", {with_x(std::string(10'000, 'x') + ": b"), nothing}},
      {"a colon in a value", "9110 5.5", {with_x("X: :a:"), x(":a:")}},
      {"high bytes in a value", "9110 5.5", {with_x("X: \xc3\xa4\xff"), x("\xc3\xa4\xff")}, open, agreed},
      {"100 fields", "9110 5.4", {with_fields(100), ok}, open, agreed},
      {"101 fields", "6585 5", {with_fields(101), reply{.status = 431}}, closed},
      {"10000 fields", "6585 5", {with_fields(10'000), reply{.status = 431}}, closed},
      {"a head of just 16 kib", "9110 5.4", {with_head_of(16'384), ok}},
      {"a head of one byte more", "6585 5", {with_head_of(16'385), reply{.status = 431}}, closed},
      {"a line of 1 MB", "6585 5", {with_head_of(1'000'000), reply{.status = 431}}, closed, agreed},
  };
  const std::vector<std::pair<const char*, std::string>> malformed{
      {"a space before the colon", "X : a"},
      {"a tab before the colon", "X\t: a"},
      {"a space in a name", "X Y: a"},
      {"an empty name", ": a"},
      {"only a colon", ":"},
      {"no colon", "X"},
      {"a space before a name", " X: a"},
      {"a tab before a name", "\tX: a"},
      {"a line folded by a space", "X: a\r\n b"},
      {"a line folded by a tab", "X: a\r\n\tb"},
      {"a line folded to nothing", "X: a\r\n "},
      {"a bare cr in a value", "X: a\rb"},
      {"a bare cr before a line end", "X: a\r"},
      {"a bare lf in a value", "X: a\nY: b"},
      {"a nul in a value", std::string("X: a\0b", 6)},
      {"a nul in a name", std::string("X\0: a", 5)},
      {"a control in a value", "X: a\x01"},
      {"a del in a value", "X: a\x7f"},
      {"a vertical tab in a value", "X: a\vb"},
      {"a form feed before a value", "X:\fa"},
      {"a high byte in a name", "X\xc3\xa4: a"},
      {"a parenthesis in a name", "X(): a"},
      {"a slash in a name", "X/Y: a"},
      {"a quotation mark in a name", "\"X\": a"},
      {"a semicolon for a colon", "X; a"},
      {"an at sign in a name", "X@: a"},
      {"a bracket in a name", "X[0]: a"},
  };
  for (const auto& [name, line] : malformed) all.push_back({name, "9112 5", {with_x(line), bad}, closed});
  all.push_back({"the first folded", "9112 2.2", {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", bad}, closed});
  all.push_back({"a bare lf at the end", "9112 2.2", {"GET / HTTP/1.1\r\nHost: a\r\n\n", bad}, closed});
  return all;
}

}  // namespace process_tests
