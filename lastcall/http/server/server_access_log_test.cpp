#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/http/message/trace.hpp"
#include "lastcall/http/server/scene_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"

namespace lastcall::http::server_access_log_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing_net::client;
using testing_server::ask;
using testing_server::get;
using testing_server::hello;
using testing_server::later;
using testing_server::local;
using testing_server::scene;

/// Keeps what an access log is told; looked at when the server has stopped.
struct access_notes {
  access_sink sink() {
    return [this](const access_record& r) {
      const std::lock_guard lock(mutex);
      EXPECT_GE(r.took, duration::zero());
      EXPECT_THAT(r.remote, StartsWith("127.0.0.1:"));
      lines.push_back(std::string(r.method) + " " + std::string(r.target) + " " + std::to_string(r.status) + " " +
                      std::to_string(r.bytes) + " " + std::string(to_text(r.ended)) + " " + std::string(r.request_id) +
                      " " + std::string(r.trace_id));
    };
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

TEST(server_access_log, tells_an_access_log_of_each_request_once_its_end_is_known) {
  scene s;
  access_notes notes;
  auto o = local(s.routes());
  o.access_log = notes.sink();
  server it(std::move(o));
  it.start();
  client a(it.addresses()[0]);
  const std::string traced =
      "HEAD /?q HTTP/1.1\r\nHost: a\r\nX-Request-Id: r1\r\n"
      "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
  a.say(std::string(hello) + traced + get("/none"));  // a pipeline
  a.hear_until("hello\n");
  a.hear_until("\r\n\r\n");
  a.hear_until("\r\n\r\n");
  a.close();
  client b(it.addresses()[0]);
  b.say("nonsense\r\n\r\n");
  b.hear_all();
  b.close();
  client c(it.addresses()[0]);
  c.say(later);
  ASSERT_TRUE(s.wait_for(1));
  c.reset();
  while (!s.answers[0].gone()) std::this_thread::yield();
  client d(it.addresses()[0]);
  d.say(later);
  ASSERT_TRUE(s.wait_for(2));
  it.shutdown(deadline(3s));
  EXPECT_THAT(notes.lines, ::testing::UnorderedElementsAre(
                               "GET / 200 6 answered  ", "HEAD /?q 200 0 answered r1 4bf92f3577b34da6a3ce929d0e0e4736",
                               "GET /none 404 14 rejected  ", "  400 0 rejected  ",
                               "GET /later 0 0 abandoned_by_client  ", "GET /later 0 0 forced  "));
}

TEST(server_access_log, survives_an_access_log_that_throws) {
  scene s;
  auto o = local(s.routes());
  o.access_log = [](const access_record&) { throw std::runtime_error("full"); };
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
  EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
}

TEST(server_access_log, is_told_of_once_when_it_throws_and_counted) {
  std::atomic<int> told{0};
  app a({.signals = {},
         .sink =
             [&](const log_record& r) {
               if (r.text.find("the access log threw") != r.text.npos) ++told;
             },
         .environment = false});
  scene s;
  auto o = local(s.routes());
  o.access_log = [](const access_record&) { throw std::runtime_error("full"); };
  const auto it = a.add<server>("http", std::move(o));
  a.start();
  {
    client c(it->addresses()[0]);
    for (int i = 0; i < 3; ++i) EXPECT_THAT(ask(c, hello), HasSubstr("hello\n"));
  }
  EXPECT_THAT(to_json(a.shutdown(deadline(20s))), HasSubstr("\"access_records_lost\":3"));
  EXPECT_EQ(told, 1);
}

TEST(server_access_log, gives_each_request_an_id_when_asked) {
  access_notes notes;
  auto o = local({});
  o.routes.get("/", [](const request& r) { return text(std::string(trace(r).request_id) + "\n"); });
  o.routes.get("/own", [](const request&) { return text("own\n").header("X-Request-Id", "mine"); });
  o.routes.post("/large", [](const request&) { return text("large\n"); });
  o.request_ids = true;
  o.access_log = notes.sink();
  server it(std::move(o));
  it.start();
  client c(it.addresses()[0]);
  const auto header_of = [](const std::string& answer) {
    const auto at = answer.find("X-Request-Id: ");
    EXPECT_EQ(at, answer.rfind("X-Request-Id: ")) << "once";
    return at == answer.npos ? "" : answer.substr(at + 14, answer.find('\r', at) - at - 14);
  };
  EXPECT_THAT(ask(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\n\r\n"),
              AllOf(HasSubstr("\r\nX-Request-Id: abc\r\n"), HasSubstr("\r\n\r\nabc\n")));
  const std::string refused = ask(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n");
  const std::string made = header_of(refused);
  EXPECT_EQ(made.size(), 32U);
  EXPECT_THAT(refused, HasSubstr("\r\n\r\n" + made + "\n")) << "the handler sees the same";
  EXPECT_NE(header_of(ask(c, hello)), made);
  EXPECT_EQ(header_of(ask(c, get("/own"))), "mine");
  EXPECT_EQ(header_of(ask(c, get("/none"))).size(), 32U);
  EXPECT_EQ(
      header_of(ask(c, "POST /large HTTP/1.1\r\nHost: a\r\nX-Request-Id: big\r\nContent-Length: 9999999\r\n\r\n")),
      "big")
      << "refused, too";
  c.close();
  it.shutdown(deadline(10s));
  ASSERT_THAT(notes.lines, SizeIs(6));
  EXPECT_THAT(notes.lines[1], HasSubstr(" answered " + made + " "));
}

}  // namespace lastcall::http::server_access_log_test
