// What RFC 9110 and 9112 ask of an HTTP/1.1 server, and what nobody should send one: as conversations, by topic. Each
// is true of the testbed (docs/testbed.md) with --max-body 100000; docs/conformance.md says where we are stricter than
// the RFC, and why.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/process/conversation.hpp"

namespace process_tests {

using enum afterwards;
using enum opinion;
using conversations = std::vector<conversation>;

inline conversations operator+(conversations a, const conversations& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline const std::string version_and_host = " HTTP/1.1\r\nHost: a\r\n";
inline const reply ok{.status = 200, .body = "hello\n"};
inline const reply bad{.status = 400};
inline const reply not_found{.status = 404, .body = "404 Not Found\n"};

/// A head without a body; each field with its CRLF.
inline std::string ask(const std::string& method, const std::string& target, const std::string& fields = "") {
  return method + ' ' + target + version_and_host + fields + "\r\n";
}
inline std::string get(const std::string& target, const std::string& fields = "") { return ask("GET", target, fields); }
/// GET / with these fields instead of Host.
inline std::string bare(const std::string& fields, const std::string& first = "GET / HTTP/1.1") {
  return first + "\r\n" + fields + "\r\n";
}
inline std::string post(const std::string& fields, const std::string& body = "") {
  return ask("POST", "/upload", fields) + body;
}
inline std::string sized(const std::string& body) {
  return post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}
inline std::string chunked(const std::string& body, const std::string& fields = "") {
  return post("Transfer-Encoding: chunked\r\n" + fields, body);
}
/// Of an upload of so many bytes.
inline reply stored(std::size_t bytes) { return reply{.status = 200, .body = std::to_string(bytes) + "\n"}; }

/// What /request/… must have received.
struct received {
  std::string method = "GET", host = "a", rest = {}, x = {}, body = {};
};
inline reply echo(const received& r) {
  return reply{.status = 200,
               .body = "method=[" + r.method + "] host=[" + r.host + "] rest=[" + r.rest + "] x=[" + r.x + "] body=[" +
                       r.body + "]\n"};
}

inline std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}
/// GET / with so many header fields, Host among them.
inline std::string with_fields(int count) { return get("/", repeated("X: y\r\n", count - 1)); }
/// GET / with a head of so many bytes.
inline std::string with_head_of(std::size_t bytes) {
  const std::string rest = get("/", "X: \r\n");
  return get("/", "X: " + std::string(bytes - rest.size(), 'x') + "\r\n");
}

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

inline conversations length_cases() {
  const auto length = [](const std::string& value, const std::string& body = "") {
    return post("Content-Length:" + value + "\r\n", body);
  };
  conversations all{
      {"a body", "9110 8.6", {length(" 3", "abc"), stored(3)}, open, agreed},
      {"nothing", "9110 8.6", {length(" 0"), stored(0)}, open, agreed},
      {"none is no body", "9112 6.3", {post(""), stored(0)}, open, agreed},
      {"leading zeros", "9110 8.6", {length(" 0003", "abc"), stored(3)}, open, agreed},
      {"white space around", "9112 5.1", {length("\t 3 \t", "abc"), stored(3)}},
      {"a body of get",
       "9110 9.3.1",
       {get("/request/g", "Content-Length: 3\r\n") + "abc", echo({.rest = "g", .body = "abc"})}},
      {"a body of an unknown path", "9112 6.3", {ask("POST", "/nowhere", "Content-Length: 3\r\n") + "abc", not_found}},
      {"a body of a wrong method",
       "9112 6.3",
       {ask("PUT", "/", "Content-Length: 3\r\n") + "abc", reply{.status = 405}}},
      {"a body of binary", "9110 6.4", {sized(std::string("\0\r\n\r\n\xff", 6)), stored(6)}, open, agreed},
      {"just the limit", "9110 15.5.14", {sized(std::string(100'000, 'x')), stored(100'000)}},
      {"one more than the limit", "9110 15.5.14", {sized(std::string(100'001, 'x')), reply{.status = 413}}, closed},
      {"beyond the limit is told before the body", "9110 15.5.14", {length(" 100001"), reply{.status = 413}}, closed},
      {"the largest number", "9110 8.6", {length(" 18446744073709551615"), reply{.status = 413}}, closed},
      {"equal twice", "9112 6.3", {length(" 3\r\nContent-Length: 3", "abc"), bad}, closed, agreed},
      {"different twice", "9112 6.3", {length(" 3\r\nContent-Length: 4", "abc"), bad}, closed, agreed},
  };
  const std::vector<std::pair<const char*, std::string>> malformed{
      {"negative", " -1"},
      {"a plus sign", " +3"},
      {"nothing but white space", " "},
      {"hexadecimal", " 0x3"},
      {"a hexadecimal digit", " a"},
      {"a fraction", " 3.0"},
      {"an exponent", " 3e0"},
      {"two numbers", " 3 3"},
      {"a list of equal ones", " 3, 3"},
      {"a list of different ones", " 3, 4"},
      {"a comma behind it", " 3,"},
      {"a semicolon behind it", " 3;a"},
      {"quoted", " \"3\""},
      {"an underscore", " 1_0"},
      {"beyond 64 bits", " 18446744073709551616"},
      {"40 digits", " 1000000000000000000000000000000000000000"},
      {"arabic digits", " \xd9\xa3"},
  };
  for (const auto& [name, value] : malformed)
    all.push_back({name, "9110 8.6", {length(value, "abc"), bad}, closed, agreed});
  return all;
}

inline conversations chunked_cases() {
  const std::string last = "0\r\n\r\n", abc = "3\r\nabc\r\n";
  conversations all{
      {"one", "9112 7.1", {chunked(abc + last), stored(3)}, open, agreed},
      {"two", "9112 7.1", {chunked(abc + "2\r\nde\r\n" + last), stored(5)}, open, agreed},
      {"none", "9112 7.1", {chunked(last), stored(0)}, open, agreed},
      {"a size in upper case", "9112 7.1", {chunked("A\r\n0123456789\r\n" + last), stored(10)}, open, agreed},
      {"a size in lower case", "9112 7.1", {chunked("a\r\n0123456789\r\n" + last), stored(10)}, open, agreed},
      {"leading zeros", "9112 7.1", {chunked("0003\r\nabc\r\n000\r\n\r\n"), stored(3)}, open, agreed},
      {"the coding in any case",
       "9112 7",
       {post("Transfer-Encoding: cHuNkEd\r\n", abc + last), stored(3)},
       open,
       agreed},
      {"line ends in the data", "9112 7.1", {chunked("9\r\n\r\n0\r\n\r\n\r\n\r\n" + last), stored(9)}, open, agreed},
      {"single bytes", "9112 7.1", {chunked(repeated("1\r\nx\r\n", 500) + last), stored(500)}, open, agreed},
      {"an extension", "9112 7.1.1", {chunked("3;a\r\nabc\r\n0;b\r\n\r\n"), stored(3)}, open, agreed},
      {"an extension with a value", "9112 7.1.1", {chunked("3;a=b;c\r\nabc\r\n" + last), stored(3)}, open, agreed},
      {"a quoted extension", "9112 7.1.1", {chunked("3;a=\"b;\\\" c\"\r\nabc\r\n" + last), stored(3)}, open, agreed},
      {"a trailer", "9112 7.1.2", {chunked(abc + "0\r\nX: y\r\n\r\n"), stored(3)}, open, agreed},
      {"a trailer is no header",
       "9112 7.1.2",
       {ask("POST", "/request/t", "Transfer-Encoding: chunked\r\n") + "0\r\nX: y\r\n\r\n",
        echo({.method = "POST", .rest = "t"})}},
      {"a length in a trailer",
       "9110 6.5.1",
       {chunked(abc + "0\r\nContent-Length: 99\r\nHost: b\r\n\r\n"), stored(3)},
       open,
       agreed},
      {"an announced trailer",
       "9110 6.6.2",
       {chunked(abc + "0\r\nX: y\r\n\r\n", "Trailer: X\r\nTE: trailers\r\n"), stored(3)},
       open,
       agreed},
      {"just the limit",
       "9110 15.5.14",
       {chunked(repeated("2710\r\n" + std::string(10'000, 'x') + "\r\n", 10) + last), stored(100'000)}},
      {"one more than the limit",
       "9110 15.5.14",
       {chunked(repeated("2710\r\n" + std::string(10'000, 'x') + "\r\n", 10) + "1\r\nx\r\n" + last),
        reply{.status = 413}},
       closed},
      {"a size beyond the limit is told before the data",
       "9110 15.5.14",
       {chunked("186a1\r\n"), reply{.status = 413}},
       closed},
      {"the largest size", "9112 7.1", {chunked("ffffffffffffffff\r\n"), reply{.status = 413}}, closed, agreed},
      {"extensions without end", "9112 7.1.1", {chunked("3;" + std::string(20'000, 'a')), bad}, closed},
      {"many small extensions",
       "9112 7.1.1",
       {chunked(repeated("1;" + std::string(50, 'a') + "\r\nx\r\n", 400)), bad},
       closed},
      {"trailers without end", "9112 7.1.2", {chunked("0\r\n" + repeated("X: y\r\n", 5'000)), bad}, closed},
      {"in http 1.0",
       "9112 6.1",
       {bare("Host: a\r\nTransfer-Encoding: chunked\r\n", "POST /upload HTTP/1.0") + last, bad},
       closed,
       agreed},
      {"with a length", "9112 6.1", {chunked(abc + last, "Content-Length: 3\r\n"), bad}, closed, agreed},
      {"twice", "9112 6.1", {chunked(last, "Transfer-Encoding: chunked\r\n"), bad}, closed, agreed},
      {"another coding", "9112 6.1", {post("Transfer-Encoding: gzip\r\n", last), reply{.status = 501}}, closed, agreed},
      {"another coding before it",
       "9112 6.1",
       {post("Transfer-Encoding: gzip, chunked\r\n", last), reply{.status = 501}},
       closed,
       agreed},
      {"another coding behind it",
       "9112 6.1",
       {post("Transfer-Encoding: chunked, gzip\r\n", last), reply{.status = 501}},
       closed,
       agreed},
      {"no coding at all", "9112 6.1", {post("Transfer-Encoding:\r\n", last), reply{.status = 501}}, closed},
  };
  const std::vector<std::pair<const char*, std::string>> malformed{
      {"no size", "\r\nabc\r\n"},
      {"a size that is none", "x\r\n"},
      {"only an extension", ";a\r\n"},
      {"a negative size", "-3\r\nabc\r\n"},
      {"a signed size", "+3\r\nabc\r\n"},
      {"a size with 0x", "0x3\r\nabc\r\n"},
      {"a size with h", "3h\r\nabc\r\n"},
      {"a size with an underscore", "0_3\r\nabc\r\n"},
      {"a space before a size", " 3\r\nabc\r\n"},
      {"a space behind a size", "3 \r\nabc\r\n"},
      {"a tab behind a size", "3\t\r\nabc\r\n"},
      {"a space before an extension", "3 ;a\r\nabc\r\n"},
      {"a size of 17 digits", "00000000000000003\r\nabc\r\n"},
      {"a size beyond 64 bits", "10000000000000003\r\nabc\r\n"},
      {"a bare lf behind a size", "3\nabc\r\n"},
      {"a bare cr behind a size", "3\rabc\r\n"},
      {"a bare lf in an extension", "3;a\nabc\r\n"},
      {"a nul in an extension", std::string("3;\0\r\nabc\r\n", 10)},
      {"more data than its size", "3\r\nabcd\r\n"},
      {"no line end behind the data", "3\r\nabc0\r\n"},
      {"a bare lf behind the data", "3\r\nabc\n0\r\n"},
      {"two line ends behind the data", "3\r\nabc\r\n\r\n0\r\n"},
      {"a bare lf at the end", "0\r\n\n"},
      {"a bare cr at the end", "0\r\n\rx"},
      {"a trailer without a colon", "0\r\nX\r\n\r\n"},
      {"a space before the colon of a trailer", "0\r\nX : y\r\n\r\n"},
      {"a folded trailer", "0\r\nX: y\r\n z\r\n\r\n"},
      {"a nul in a trailer", std::string("0\r\nX: \0\r\n\r\n", 11)},
      {"a bare lf in a trailer", "0\r\nX: y\n\r\n"},
  };
  for (const auto& [name, body] : malformed) all.push_back({name, "9112 7.1", {chunked(body), bad}, closed});
  return all;
}

inline conversations expect_cases() {
  const std::string wait = "Expect: 100-continue\r\n", three = "Content-Length: 3\r\n";
  const reply go_on{.status = 100};
  return {
      {"continue", "9110 10.1.1", {post(wait + three), go_on, "abc", stored(3)}},
      {"continue with chunks", "9110 10.1.1", {chunked("", wait), go_on, "3\r\nabc\r\n0\r\n\r\n", stored(3)}},
      {"in any case", "9110 10.1.1", {post("expect: 100-CONTINUE\r\n" + three), go_on, "abc", stored(3)}},
      {"twice on one connection",
       "9110 10.1.1",
       {post(wait + three), go_on, "abc", stored(3), post(wait + three), go_on, "abc", stored(3)}},
      {"not without a body", "9110 10.1.1", {get("/", wait), ok}, open, agreed},
      {"not with an empty body", "9110 10.1.1", {post(wait + "Content-Length: 0\r\n"), stored(0)}},
      {"not when the body is here", "9110 10.1.1", {post(wait + three, "abc"), stored(3)}, open, ours, nullptr, false},
      {"not in http 1.0", "9110 10.1.1", {bare(wait + three, "POST /upload HTTP/1.0") + "abc", stored(3)}, closed},
      {"not for an unknown path", "9110 10.1.1", {ask("POST", "/nowhere", wait + three), not_found}, closed},
      {"not for a wrong method", "9110 10.1.1", {ask("PUT", "/", wait + three), reply{.status = 405}}, closed},
      {"not for an unsound path", "9110 10.1.1", {ask("POST", "/..", wait + three), bad}, closed},
      {"not for a body too large",
       "9110 10.1.1",
       {post(wait + "Content-Length: 100001\r\n"), reply{.status = 413}},
       closed},
      {"not for a malformed head", "9110 10.1.1", {post(wait + "Content-Length: x\r\n"), bad}, closed},
      {"another", "9110 10.1.1", {post("Expect: miracles\r\n" + three, "abc"), reply{.status = 417}}, closed},
      {"another beside it",
       "9110 10.1.1",
       {post("Expect: 100-continue, miracles\r\n" + three), reply{.status = 417}},
       closed},
  };
}

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

inline conversations conformance_cases() {
  return request_line_cases() + target_cases() + host_cases() + field_cases() + length_cases() + chunked_cases() +
         expect_cases() + persistence_cases() + pipelining_cases() + method_cases() + status_cases() +
         streaming_cases() + half_close_cases();
}

}  // namespace process_tests
