// For tests of a whole server: two routes, and what their handlers and the test tell each other.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::inline v0::http::testing_server {

using testing_net::client;
using testing_net::generous;

inline constexpr std::string_view hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view later = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";

inline std::string get(std::string_view target) {
  return std::string("GET ").append(target).append(" HTTP/1.1\r\nHost: a\r\n\r\n");
}

/// One response of the tests' routes, all of which end with a line.
inline std::string ask(client& c, std::string_view request) {
  c.say(request);
  std::string all = c.hear_until("\r\n\r\n");
  return all += c.hear_until("\n");
}

/// What handlers and test tell each other.
struct scene {
  router routes() {
    router r;
    r.get("/", [](const request&) { return text("hello\n"); });
    r.get("/later", [this](const request&, context life, responder answer) {
      const std::lock_guard lock(mutex_);
      answers.push_back(std::move(answer));
      lives.push_back(std::move(life));
      changed_.notify_all();
    });
    return r;
  }
  bool wait_for(std::size_t requests) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, generous, [&] { return answers.size() >= requests; });
  }
  std::vector<responder> answers;
  std::vector<context> lives;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

inline server_options local(router routes) {
  return {.address = "127.0.0.1",
          .port = 0,
          .routes = std::move(routes),
          .idle_drain_after = std::chrono::milliseconds(30)};
}

}  // namespace lastcall::inline v0::http::testing_server
