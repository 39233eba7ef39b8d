// For tests: a server with routes for each way to answer over HTTP/1.1, and the responders that its handlers keep.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/core/unavailable.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/serving_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::inline v0::http::testing_h1 {

using testing_net::client;
using testing_net::generous;

/// Responders that handlers have put aside for the test to answer.
class kept_responders {
 public:
  void keep(const request& r, responder answer) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(&r);
    all_.push_back(std::move(answer));
    changed_.notify_all();
  }
  /// The n-th, from 0; waits until it is there.
  responder& at(std::size_t n) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, generous, [&] { return all_.size() > n; }));
    return all_.at(n);
  }
  const request& request_at(std::size_t n) {
    at(n);
    return *requests_.at(n);
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<responder> all_;
  std::vector<const request*> requests_;
};

/// A server with the routes that the tests need.
struct serving : serving_test {
  explicit serving(server_options o = {}) : serving_test(with_routes(std::move(o))) {}

  server_options with_routes(server_options o) {
    o.routes.get("/", [](const request&) { return text("hello\n"); });
    o.routes.get("/n/{n}", [](const request& r) { return text(std::string(r.param("n"))); });
    o.routes.post("/echo", [](const request& r) { return text(std::string(r.body())); });
    o.routes.get("/later", [this](const request& r, responder a) { later.keep(r, std::move(a)); });
    o.routes.get("/later/{n}", [this](const request& r, responder a) { later.keep(r, std::move(a)); });
    o.routes.post("/later", [this](const request& r, responder a) { later.keep(r, std::move(a)); });
    o.routes.get("/dropped", [](const request&, responder) {});
    o.routes.get("/throws", [](const request&) -> response { throw std::runtime_error("no"); });
    o.routes.get("/unavailable", [](const request&) -> response {
      unavailable none("no lease");
      none.retry_after = std::chrono::milliseconds(1500);
      throw none;
    });
    o.routes.get("/throws-7", [](const request&) -> response { throw 7; });
    o.routes.get("/throws-later", [](const request&, responder) { throw std::runtime_error("no"); });
    o.routes.get("/big", [this](const request& r) {
      ++bigs;
      return text(std::string(std::stoul(r.query("bytes").value_or("8000000")), 'x'));
    });
    return o;
  }

  kept_responders later;
  std::atomic<int> bigs{0};
};

inline reply ask(client& c, std::string_view bytes) {
  c.say(bytes);
  return next_reply(c);
}

/// Whether nothing comes from the server, not even its end, for so long.
inline bool quiet_for(const client& c, std::chrono::milliseconds time) {
  pollfd p{.fd = c.fd(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return ::poll(&p, 1, static_cast<int>(time.count())) == 0;
}

}  // namespace lastcall::inline v0::http::testing_h1
