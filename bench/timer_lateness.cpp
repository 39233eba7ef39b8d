// A server that says how late Asio's own timers are in its runtime while it is loaded: `/` is the load, `/lateness`
// waits for 500 timers, one after the other, and answers in microseconds.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/task.hpp"

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace http = lastcall::http;

/// "count=500 median_us=… p99_us=… max_us=…\n"
lastcall::task<http::response> lateness(const http::request&) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  std::vector<std::chrono::microseconds> late;
  while (late.size() < 500) {
    timer.expires_after(5ms);
    co_await timer.async_wait(asio::use_awaitable);
    late.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(asio::steady_timer::clock_type::now() - timer.expiry()));
  }
  std::sort(late.begin(), late.end());
  const auto at = [&](std::size_t percent) { return std::to_string(late[(late.size() - 1) * percent / 100].count()); };
  co_return http::text("count=" + std::to_string(late.size()) + " median_us=" + at(50) + " p99_us=" + at(99) +
                       " max_us=" + at(100) + '\n');
}

struct listening_lines : lastcall::component {
  using options = lastcall::handle<http::server>;
  explicit listening_lines(options o) : of(o) {}
  void start(lastcall::context) override {
    std::printf("listening on http://%s\n", to_text(of->addresses().front()).c_str());
    std::fflush(stdout);
  }
  options of;
};

}  // namespace

int main() {
  lastcall::app app{{.log = lastcall::log_level::error}};
  app.add<lastcall::net::runtime>("runtime", {.threads = 1});
  http::router routes;
  routes.get("/", [](const http::request&) { return http::text("hello\n"); });
  routes.get("/lateness", &lateness);
  const auto server = app.add<http::server>("http", {.address = "127.0.0.1", .port = 0, .routes = std::move(routes)});
  app.add<listening_lines>("listening_lines", server, {server});
  return app.run();
}
