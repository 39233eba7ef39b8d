// The words that cases of HTTP/1.1 are made of: requests and what must come back.
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

}  // namespace process_tests
