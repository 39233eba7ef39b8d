// Handlers that a fast client never makes wait: the other connections of their loop are answered all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/http/h2/h2_conversation_test.hpp"
#include "lastcall/http/requests/streams_test.hpp"
#include "lastcall/http/sse/events.hpp"
#include "lastcall/net/loop/parked_step.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::http::shared_loop_test {

using namespace std::chrono_literals;
using detail::h2_conversation_test::ask;
using detail::h2_conversation_test::begin;
using detail::h2_conversation_test::frame;
using testing_net::client;
using testing_net::generous;
using testing_streams::post;

/// Reads whatever comes, or says the same again and again, until it is destroyed.
class greedy {
 public:
  explicit greedy(client c)
      : client_(std::move(c)), busy_([this] {
          while (!client_.hear_bytes(100'000).empty()) {}
        }) {}
  greedy(client c, const std::string& says)
      : client_(std::move(c)), busy_([this, says] {
          while (client_.say(says) == says.size()) {}
        }) {}
  greedy& operator=(greedy&&) = delete;
  ~greedy() {
    ::shutdown(client_.fd(), SHUT_RDWR);
    busy_.join();
  }

 private:
  client client_;
  std::thread busy_;
};

const logger quiet(log_level::none, nullptr);

struct shared_loop {
  shared_loop() {
    on.start({});
    it.start({});
  }
  ~shared_loop() {
    it.stop();
    on.stop();
  }
  shared_loop& operator=(shared_loop&&) = delete;

  client enters() { return client(it.addresses().at(0)); }
  template <class F> bool eventually(F fact) {
    for (const time_point by = steady().now() + generous; !fact() && steady().now() < by;)
      std::this_thread::sleep_for(1ms);
    return fact();
  }
  void drain() {
    life.begin_drain(steady().now() + 30s);
    it.drain(life.get(), [] {});
  }

  server_options with_routes() {
    server_options o{.address = "127.0.0.1", .port = 0, .limits = {.body_bytes = 1'000'000'000'000}, .jitter = 0s};
    o.idle_drain_after = generous;
    o.h2c = true;
    router& r = o.routes;
    r.get("/watch", [this](const request&) -> task<response> {
      for (watching = true; watching;) {
        const int before = steps;
        co_await net::let_others_run();
        longest = std::max(longest, steps - before);
      }
      co_return text(std::to_string(longest));
    });
    r.events("/heedless", [this](sse::stream s) -> task<> {
      while (co_await s.send({.data = "x"})) {
        if (s.end() == sse::stream_end::draining) ++steps;
        co_await s.wait_for(1us);
      }
    });
    r.get("/endless", [this](const request&) {
      return streamed([this](body_writer to) -> task<> {
        while (co_await to.write("x")) ++steps;
      });
    });
    r.post("/all", [this](const request&, body_stream in) -> task<response> {
      while (co_await in.read()) ++steps;
      co_return text("");
    });
    return o;
  }

  /// Runs on the same loop.
  client watches() {
    client c = enters();
    c.say(request_for("/watch"));
    EXPECT_TRUE(eventually([this] { return watching.load(); }));
    return c;
  }
  void expect_turns(client& watch) {
    EXPECT_TRUE(eventually([this] { return steps > 1000; }));
    watching = false;
    const reply seen = next_reply(watch);
    EXPECT_EQ(seen.status, 200);
    EXPECT_LE(std::stoi("0" + seen.body), 200) << "steps without others";
  }

  std::atomic<int> steps{0};
  std::atomic<bool> watching{false};
  int longest = 0;
  net::runtime on{{.threads = 1, .log = quiet}};
  server it{with_routes(), on, quiet};
  context_source life;
};

/// A client of HTTP/2 whose windows nothing fills.
client asks_http2(shared_loop& s, const std::string& request) {
  client c = s.enters();
  c.say(begin + frame(4, 0, 0, {0, 4, 0x7f, '\xff', '\xff', '\xff'}) + frame(8, 0, 0, {0x7f, 0, 0, 0}) + request);
  return c;
}
client asks(shared_loop& s, const std::string& request) {
  client c = s.enters();
  c.say(request);
  return c;
}

TEST(shared_loop, is_not_kept_by_events_whose_handler_minds_no_drain) {
  for (const bool http2 : {false, true}) {
    SCOPED_TRACE(http2);
    shared_loop s;
    client watch = s.watches();
    const greedy reads(http2 ? asks_http2(s, ask(1, "/heedless")) : asks(s, request_for("/heedless")));
    EXPECT_TRUE(s.eventually([&] { return s.it.requests().begun == 2; }));
    s.drain();
    s.expect_turns(watch);
  }
}

TEST(shared_loop, is_not_kept_by_a_maker_whose_client_reads_as_fast_as_it_writes) {
  for (const bool http2 : {false, true}) {
    SCOPED_TRACE(http2);
    shared_loop s;
    client watch = s.watches();
    const greedy reads(http2 ? asks_http2(s, ask(1, "/endless")) : asks(s, request_for("/endless")));
    s.expect_turns(watch);
  }
}

TEST(shared_loop, is_not_kept_by_a_body_that_comes_as_fast_as_it_is_read) {
  shared_loop s;
  client watch = s.watches();
  std::string pieces;  // of a size that is read at little cost: it is not the parser that is to be busy
  for (int i = 0; i < 100; ++i) pieces += testing_streams::chunk(std::string(1000, 'x'));
  const greedy sends(asks(s, post("/all", "Transfer-Encoding: chunked\r\n")), pieces);
  s.expect_turns(watch);
}

}  // namespace lastcall::http::shared_loop_test
