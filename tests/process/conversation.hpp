// What is said to a server on one connection and what must come back, as data; and whoever holds such a conversation.
// Knows no case; those are in cases/.
#pragma once

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tests/process/raw_client.hpp"

namespace process_tests {

/// One response. What is true of each (Date, Content-Length, Connection, Allow with 405) is looked at anyway.
struct reply {
  int status = 0;                         // 100: the interim response, and nothing else of it
  std::optional<std::string> body = {};   // exactly
  std::vector<std::string> lines = {};    // of the head, exactly: "Allow: POST, OPTIONS"
  std::vector<std::string> without = {};  // field names as the server writes them
  bool to_head = false;                   // the request was HEAD: no body, whatever the length says
};
struct end_of_sending {};  // our FIN

enum class afterwards : unsigned char { open, closed };  // closed: by a FIN right behind the last reply
enum class opinion : unsigned char { ours, agreed };     // agreed: the RFC leaves no choice, and nginx does the same

struct conversation {
  const char* name;    // lower-case words
  const char* source;  // "9112 3.2" is RFC 9112 section 3.2
  std::vector<std::variant<std::string, reply, end_of_sending>> talk;
  afterwards ends = afterwards::open;
  opinion whose = opinion::ours;
  const char* known = nullptr;  // what is wrong; the test fails as soon as it is right
  bool torn = true;             // held a second time in single bytes; false where how they are sliced matters

  friend void PrintTo(const conversation& c, std::ostream* to) { *to << "RFC " << c.source; }
};

struct outcome {
  std::string wrong = {};  // empty: all was as told
  std::string heard = {};  // every byte
};

/// "GET /livez", told apart from everything that the cases ask for; the last request of its connection.
inline const std::string still_there = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Blocks: at most 10 s for what is late, then says so.
class interlocutor {
 public:
  /// Sends in single bytes (of much, in slices) when `torn`.
  static outcome hold(const server_address& to, const conversation& c, bool torn) {
    interlocutor one(to, torn);
    std::string wrong = one.hold(c);
    return {std::move(wrong), std::move(one.heard_)};
  }

 private:
  interlocutor(const server_address& to, bool torn) : client_(to), torn_(torn) {}

  std::string hold(const conversation& c) {
    bool ended = false;  // by us: then the reply need not say "close"
    for (auto step = c.talk.begin(); step != c.talk.end(); ++step) {
      if (const auto* bytes = std::get_if<std::string>(&*step)) {
        say(*bytes);
      } else if (const auto* expected = std::get_if<reply>(&*step)) {
        const bool last = step + 1 == c.talk.end() && c.ends == afterwards::closed;
        if (auto wrong = listen(*expected, last, ended); !wrong.empty())
          return "step " + std::to_string(step - c.talk.begin()) + ": " + wrong;
      } else {
        client_.end_sending();
        ended = true;
      }
    }
    if (c.ends == afterwards::open) {
      client_.send(still_there);
      if (auto wrong = listen({.status = 200, .body = "alive\n"}, true, false); !wrong.empty())
        return "not open afterwards: " + wrong;
    }
    const auto rest = client_.read_to_end(deadline(patience));
    heard_ += rest.bytes;
    if (!rest.bytes.empty()) return "more than was asked for: " + rest.bytes.substr(0, 200);
    if (rest.how == raw_client::ended::open) return "not closed afterwards";
    return rest.how == raw_client::ended::rst ? "reset: it can destroy the answer on its way" : "";
  }

  void say(std::string_view bytes) {
    const std::size_t slice = !torn_ ? bytes.size() : bytes.size() <= 4096 ? 1 : 997;
    while (!bytes.empty() && !(torn_ && client_.end_has_come())) {
      client_.send(bytes.substr(0, slice));
      bytes.remove_prefix(std::min(slice, bytes.size()));
    }
  }

  std::string listen(const reply& expected, bool last, bool ended) {
    const deadline by(patience);
    auto heard = client_.read_head(by);
    const std::string status = std::to_string(expected.status);
    const bool as_expected = heard.bytes.starts_with("HTTP/1.1 " + status + ' ');
    if (as_expected && expected.status != 100) heard = client_.read_reply(by, expected.to_head, std::move(heard));
    heard_ += heard.bytes;
    if (heard.bytes.empty()) return heard.how == raw_client::ended::open ? "no answer came" : "the end, no answer";
    auto wrong = as_expected ? compare(expected, heard.bytes, last, ended) : "expected " + status;
    return wrong.empty() ? wrong : wrong + "\n" + heard.bytes.substr(0, 1000);
  }

  static std::string compare(const reply& expected, std::string_view heard, bool last, bool ended) {
    const auto end = heard.find("\r\n\r\n");
    if (end == heard.npos) return "the head does not end";
    if (expected.status == 100) return heard == "HTTP/1.1 100 Continue\r\n\r\n" ? "" : "more than the interim response";
    const auto head = heard.substr(0, end + 2), body = heard.substr(end + 4);

    for (const auto& line : expected.lines)
      if (head.find("\r\n" + line + "\r\n") == head.npos) return "lacks the line " + line;
    for (const auto& name : expected.without)
      if (count(head, name) != 0) return "has " + name;
    if (expected.body && body != *expected.body) return "expected the body " + *expected.body;

    if (count(head, "Date") != 1) return "Date is not there once";
    const auto date = head.substr(head.find("\r\nDate: ") + 8);
    if (date.find("\r\n") != 29 || date.substr(25, 4) != " GMT") return "Date is no IMF-fixdate";
    const auto unwanted = [&](const char* name) {
      return std::find(expected.without.begin(), expected.without.end(), name) != expected.without.end();
    };
    const bool in_chunks = head.find("\r\nTransfer-Encoding: chunked\r\n") != head.npos;
    const bool has_length =
        expected.status != 204 && expected.status != 304 && !in_chunks && !unwanted("Content-Length");
    if (count(head, "Content-Length") != (has_length ? 1 : 0)) return "Content-Length is not there as it should be";
    const std::string length = "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    if (has_length && !expected.to_head && head.find(length) == head.npos) return "the body is not as long as it says";
    if (in_chunks && !expected.to_head && !body.ends_with("0\r\n\r\n")) return "the last chunk is missing";
    const bool says_close = head.find("\r\nConnection: close\r\n") != head.npos;
    if (last && !ended && !says_close) return "the last response does not say close";
    if (!last && says_close) return "says close, and is not the last";
    if (expected.status == 405 && count(head, "Allow") != 1) return "405 without Allow";
    return {};
  }

  static int count(std::string_view head, std::string_view name) {
    int n = 0;
    const std::string line = "\r\n" + std::string(name) + ":";
    for (auto at = head.find(line); at != head.npos; at = head.find(line, at + 1)) ++n;
    return n;
  }

  static constexpr auto patience = std::chrono::seconds(10);

  raw_client client_;
  std::string heard_;
  bool torn_;
};

}  // namespace process_tests
