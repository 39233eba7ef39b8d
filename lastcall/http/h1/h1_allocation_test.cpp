// Counts heap allocations on one thread: the loop's, between two requests that say when. Therefore operator new is
// replaced for this test program; on all other threads it only allocates.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>

#include "lastcall/http/server/server.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/task.hpp"

namespace {
thread_local bool counting = false;
thread_local std::uint64_t allocations = 0;
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  if (counting) ++allocations;
  if (void* at = std::malloc(size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace lastcall::http::h1_allocation_test {

using testing_net::client;

/// On one connection, so on one thread: what handlers count there.
class counted_requests {
 public:
  counted_requests() : server_({.address = "127.0.0.1", .port = 0, .routes = routes()}) {
    server_.start();
    client_.emplace(server_.addresses().at(0));
  }
  /// How many allocations `rounds` of `request` cost, when it has been asked before.
  std::string cost(const std::string& request, int answers, int rounds) {
    for (int i = 0; i < 10; ++i) ask(request, answers);
    ask(begin, 1);
    for (int i = 0; i < rounds; ++i) ask(request, answers);
    return ask("GET /end HTTP/1.1\r\nHost: a\r\n\r\n", 1);
  }

 private:
  static router routes() {
    router r;
    r.get("/", [](const request&) { return text("hello\n"); });
    r.get("/hello/{name}", [](const request& q) { return text(std::string(q.param("name")) + "\n"); });
    r.post("/", [](const request& q) { return text(std::string(q.body().substr(0, 5)) + "\n"); });
    r.get("/async", [](const request&) -> task<response> { co_return text("hello\n"); });
    r.get("/bounded", handler([](const request&) { return text("hello\n"); }).timeout(std::chrono::hours(1)));
    r.get("/bounded_async",
          handler([](const request&) -> task<response> { co_return text("hello\n"); }).timeout(std::chrono::hours(1)));
    r.get("/begin", [](const request&) {
      counting = true;
      allocations = 0;
      return text("\n");
    });
    r.get("/end", [](const request&) {
      counting = false;
      return text(std::to_string(allocations) + "\n");
    });
    return r;
  }
  /// The last line of the last answer.
  std::string ask(const std::string& request, int answers) {
    client_->say(request);
    std::string line;
    for (int i = 0; i < answers; ++i) {
      client_->hear_until("\r\n\r\n");
      line = client_->hear_until("\n");
    }
    return line;
  }

  const std::string begin = "GET /begin HTTP/1.1\r\nHost: a\r\n\r\n";
  server server_;
  std::optional<client> client_;
};

TEST(h1_allocation, needs_none_for_a_request_of_a_plain_handler) {
  counted_requests c;
  EXPECT_EQ(c.cost("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nAccept: */*\r\n\r\n", 1, 1000), "0\n");
}

TEST(h1_allocation, needs_none_for_a_parameter_or_a_query) {
  counted_requests c;
  EXPECT_EQ(c.cost("GET /hello/you?a=1 HTTP/1.1\r\nHost: a\r\n\r\n", 1, 1000), "0\n");
}

TEST(h1_allocation, needs_none_for_a_pipeline) {
  counted_requests c;
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(c.cost(ten, 10, 100), "0\n");
}

TEST(h1_allocation, needs_none_for_a_small_body) {
  counted_requests c;
  EXPECT_EQ(c.cost("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'b'), 1, 1000),
            "0\n");
}

TEST(h1_allocation, needs_none_for_a_coroutine_that_does_not_suspend) {
  counted_requests c;
  EXPECT_EQ(c.cost("GET /async HTTP/1.1\r\nHost: a\r\n\r\n", 1, 1000), "0\n");
}

TEST(h1_allocation, needs_none_for_a_timeout) {
  counted_requests c;
  EXPECT_EQ(c.cost("GET /bounded HTTP/1.1\r\nHost: a\r\n\r\n", 1, 1000), "0\n");
  EXPECT_EQ(c.cost("GET /bounded_async HTTP/1.1\r\nHost: a\r\n\r\n", 1, 1000), "0\n");
}

}  // namespace lastcall::http::h1_allocation_test
