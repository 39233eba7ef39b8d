// For tests: a server on a free port of the loopback interface, and what a client says to it and hears from it.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::inline v0::http {

inline std::string request_for(std::string_view target, std::string_view more = "", std::string_view verb = "GET") {
  return std::string(verb).append(" ").append(target).append(" HTTP/1.1\r\nHost: a\r\n").append(more).append("\r\n");
}

struct reply {
  int status = 0;
  std::string head;
  std::string body;
  std::string trailers;
  bool closes() const { return head.find("\r\nConnection: close\r\n") != std::string::npos; }
};

/// The next response: its body by its length or by chunks; with neither, what comes until the end for `until_close`.
template <class Client> reply next_reply(Client& c, bool to_head = false) {
  reply r;
  r.head = c.hear_until("\r\n\r\n");
  if (r.head.size() < 13) return r;
  r.status = std::stoi(r.head.substr(9, 3));
  if (to_head) return r;
  if (const auto at = r.head.find("\r\nContent-Length: "); at != std::string::npos)
    r.body = c.hear_bytes(std::stoul(r.head.substr(at + 18)));
  if (r.head.find("\r\nTransfer-Encoding: chunked\r\n") == std::string::npos) return r;
  for (;;) {
    const std::string size = c.hear_until("\r\n");
    if (size.size() < 3) break;
    const std::size_t bytes = std::stoul(size, nullptr, 16);
    if (bytes == 0) break;
    r.body += c.hear_bytes(bytes);
    EXPECT_EQ(c.hear_bytes(2), "\r\n");
  }
  for (std::string line; (line = c.hear_until("\r\n")).size() > 2;) r.trailers += line;
  return r;
}

struct serving_test {
  explicit serving_test(server_options o) : it(local(std::move(o))) { it.start(life.get()); }

  testing_net::client enters(int receive_buffer = 0) {
    testing_net::client c(it.addresses().at(0), receive_buffer);
    EXPECT_EQ(c.error(), 0);
    const int on = 1;
    ::setsockopt(c.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return c;
  }
  /// On a connection of its own.
  reply get(std::string_view target, std::string_view more = "") {
    auto c = enters();
    c.say(request_for(target, more));
    return next_reply(c);
  }
  template <class F> bool eventually(F fact) {
    const time_point by = steady().now() + testing_net::generous;
    bool holds = fact();
    for (; !holds && steady().now() < by; holds = fact()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return holds;
  }
  /// Begins a drain as the lifecycle would; `drained` counts down at its end.
  void drain(duration time = std::chrono::seconds(30)) {
    life.begin_drain(steady().now() + time);
    it.announce();
    it.drain(life.get(), [d = drained] { d->count_down(); });
    // From here on new connections are refused; the loops know of the drain as soon as they have done what was asked
    // of them before, which a connection of before sees no earlier than the next request that it makes.
  }
  bool wait_drained() { return drained->wait_until(steady().now() + testing_net::generous); }

  context_source life;
  std::shared_ptr<countdown> drained = std::make_shared<countdown>(1);
  server it;

 private:
  static server_options local(server_options o) {
    o.address = "127.0.0.1";
    o.port = 0;
    if (o.idle_drain_after == server_options().idle_drain_after) o.idle_drain_after = std::chrono::milliseconds(30);
    return o;
  }
};

}  // namespace lastcall::inline v0::http
