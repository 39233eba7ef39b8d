// A user's program: a service that is loaded and stopped by the exact client, in one process. Ends with 0 when nothing
// was lost, and when there is one of each thing that the libraries and this program must share.
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/listen.hpp"
#include "lastcall/task.hpp"
#include "lastcall/testing.hpp"

using namespace std::chrono_literals;

namespace {
int faults = 0;
void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "consumer: not so: %s\n", what);
  ++faults;
}
}  // namespace

int main() {
  lastcall::app app{{.grace = 10s, .signals = {}}};
  const auto runtime = app.add<lastcall::net::runtime>("threads", {.threads = 1});

  std::atomic<bool> on_loop = true;
  std::atomic<int> ran_at_once = 0;
  lastcall::http::router routes;
  routes.get("/plain", [&](const lastcall::http::request&) {
    const int before = ran_at_once;  // Asio runs it at once only on a thread of its own
    boost::asio::dispatch(runtime->executor(), [&] { ++ran_at_once; });
    if (ran_at_once == before) on_loop = false;
    return lastcall::http::text("plain\n");
  });
  routes.get("/coroutine", [](const lastcall::http::request&) -> lastcall::task<lastcall::http::response> {
    co_await boost::asio::post(boost::asio::use_awaitable);
    co_return lastcall::http::text("coroutine\n");
  });
  const auto server =
      app.add<lastcall::http::server>("http", {.address = "127.0.0.1", .port = 0, .routes = std::move(routes)});
  app.start();

  using lastcall::testing::parse_load;
  const lastcall::testing::probe_options load{
      .loads = {parse_load("busy:4,path=/plain"), parse_load("fresh:2,path=/coroutine")}, .after = 100ms};
  std::promise<void> told;
  lastcall::testing::probe_result seen;
  std::thread client([&, to = lastcall::testing::parse_server_address(to_text(server->addresses().front()))] {
    seen = lastcall::testing::run_probe(to, load, {.tell = [&] { told.set_value(); }});
  });
  expect(told.get_future().wait_for(30s) == std::future_status::ready, "the client told us to stop");
  const auto& report = app.shutdown(lastcall::deadline(10s));
  client.join();

  const auto total = seen.total();
  expect(seen.fault.empty(), "the client could measure");
  expect(total.count(lastcall::testing::verdict::answered) > 0, "requests were answered");
  expect(total.lost() == 0, "no request was lost");
  expect(report.components.size() == 2, "server and program share one runtime");
  expect(on_loop, "Asio knows its own threads on both sides");
  expect(lastcall::net::classify(boost::asio::error::make_error_code(boost::asio::error::eof)) ==
             lastcall::net::io_end::orderly,
         "Asio's errors are the same on both sides");
  return faults;
}
