// HTTP/2 clients that are slow, silent, gone or too many: each costs its bound, and the ledger has each of their
// requests.
#include <gtest/gtest.h>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/http/h2/h2_frames_test.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
namespace h2 = lastcall::http::testing_h2;
using lastcall::testing::parse_server_address;

const std::string begin = h2::preface + h2::settings() + h2::settings_ack();

/// The testbed, and who speaks frames with it.
struct server_and_client {
  explicit server_and_client(std::vector<std::string> more = {})
      : server([&] {
          more.insert(more.end(), {"--h2c", "--log", "none"});
          return more;
        }()),
        client(parse_server_address(server.url())) {}

  /// The next frame of that type; empty when the end comes first, or nothing for 10 s.
  std::optional<h2::heard_frame> hear(int type) {
    const deadline by(10s);
    for (;;) {
      while (auto f = h2::take_frame(bytes))
        if (f->type == type) return f;
      if (end != raw_client::ended::open) return std::nullopt;
      const auto more = client.read_next(by);
      if (more.bytes.empty() && more.how == raw_client::ended::open) return std::nullopt;
      bytes += more.bytes;
      end = more.how;
    }
  }
  bool hears_the_end() {
    while (hear(-1)) {}
    return end == raw_client::ended::fin;
  }
  document stop(int exit_code = 0) {
    server.process.signal(SIGTERM);
    EXPECT_EQ(server.wait(deadline(20s)), exit_status{.code = exit_code}) << server.process.errors();
    const auto report = server.report();
    if (report) expect_ledgers_add_up(report);
    return report;
  }

  testbed server;
  raw_client client;
  std::string bytes;
  raw_client::ended end = raw_client::ended::open;
};

TEST(h2_abuse, a_client_without_settings_is_left) {
  server_and_client t({"--head-time", "300ms"});
  t.client.send(h2::preface);
  const auto away = t.hear(h2::goaway_frame);
  ASSERT_TRUE(away);
  EXPECT_EQ(away->number_at(4), h2::settings_timeout);
  EXPECT_TRUE(t.hears_the_end());
  t.client.close();
  EXPECT_EQ(t.stop().number("connections.timed_out"), 1);
}

TEST(h2_abuse, a_head_that_never_ends_ends_its_connection) {
  server_and_client t({"--head-time", "300ms"});
  t.client.send(begin + h2::headers(1, h2::request_block("GET", "/").substr(0, 9), h2::end_stream));
  EXPECT_TRUE(t.hear(h2::goaway_frame));
  EXPECT_TRUE(t.hears_the_end());
  t.client.close();
  const auto report = t.stop();
  EXPECT_EQ(report.number("requests.rejected"), 1);
}

TEST(h2_abuse, a_body_that_never_comes_is_told_408) {
  server_and_client t({"--body-time", "300ms"});
  t.client.send(begin + h2::post(1, "/request/a") + h2::data(1, "abc", 0));
  ASSERT_TRUE(t.hear(h2::headers_frame));
  EXPECT_EQ(t.hear(h2::data_frame)->payload, "408 Request Timeout: the body took too long\n");
  EXPECT_EQ(t.hear(h2::rst_frame)->number_at(0), h2::no_error);
  t.client.send(h2::post(3) + h2::data(3, "abc", 0));  // whose handler takes it as it comes
  ASSERT_TRUE(t.hear(h2::headers_frame));
  EXPECT_EQ(t.hear(h2::data_frame)->payload, "the body took too long\n");
  t.client.send(h2::get(5));
  EXPECT_TRUE(t.hear(h2::headers_frame)) << "the connection is still of use";
  t.client.close();
  EXPECT_EQ(t.stop().number("requests.begun"), 3);
}

TEST(h2_abuse, an_idle_connection_is_told_and_closed) {
  server_and_client t({"--idle-time", "300ms"});
  t.client.send(begin + h2::get(1));
  const auto away = t.hear(h2::goaway_frame);
  ASSERT_TRUE(away);
  EXPECT_EQ(away->number_at(0), 1U);
  EXPECT_EQ(away->number_at(4), h2::no_error);
  EXPECT_TRUE(t.hears_the_end());
  t.client.close();
  EXPECT_EQ(t.stop().number("connections.closed_clean"), 1);
}

TEST(h2_abuse, a_reset_stream_cancels_its_handler) {
  server_and_client t;
  t.client.send(begin + h2::get(1, "/slow?ms=600000") + h2::ping());
  t.hear(h2::ping_frame);
  t.client.send(h2::reset(1) + h2::get(3));
  EXPECT_TRUE(t.hear(h2::headers_frame));
  const auto report = t.stop();
  EXPECT_EQ(report.number("requests.abandoned_by_client"), 1);
  EXPECT_EQ(report.number("requests.answered"), 1);
}

TEST(h2_abuse, a_lost_connection_cancels_all_its_handlers) {
  server_and_client t;
  t.client.send(begin + h2::get(1, "/slow?ms=600000") + h2::get(3, "/slow?ms=600000") + h2::ping());
  t.hear(h2::ping_frame);
  t.client.reset();
  const auto report = t.stop();
  EXPECT_EQ(report.number("requests.abandoned_by_client"), 2);
  EXPECT_EQ(report.number("connections.reset_by_remote"), 1);
}

TEST(h2_abuse, a_client_that_ends_its_side_is_answered) {
  server_and_client t;
  t.client.send(begin + h2::get(1, "/slow?ms=300") + h2::post(3) + h2::data(3, "abc", 0));
  t.client.end_sending();
  std::string body;
  while (auto f = t.hear(h2::data_frame)) body += f->payload;
  EXPECT_EQ(body, "slow\n");
  EXPECT_EQ(t.end, raw_client::ended::fin);
  const auto report = t.stop();
  EXPECT_EQ(report.number("requests.answered"), 1);
  EXPECT_EQ(report.number("requests.abandoned_by_client"), 1) << "the upload that never will be whole";
}

TEST_BY_MEDIAN(h2_abuse, what_hangs_is_forced_and_named) {
  server_and_client t({"--grace", "2s"});
  t.client.send(begin + h2::get(1, "/slow?ms=600000") + h2::get(3) + h2::ping());
  t.hear(h2::headers_frame);
  const auto report = t.stop(3);
  EXPECT_EQ(report.text("result"), "forced");
  EXPECT_EQ(report.number("requests.forced"), 1);
}

TEST(h2_abuse, beyond_the_limit_of_connections_all_is_safe_to_send_again) {
  server_and_client t({"--max-connections", "1"});
  t.client.send(begin + h2::get(1));
  EXPECT_TRUE(t.hear(h2::headers_frame));
  raw_client second(parse_server_address(t.server.url()), begin + h2::get(1));
  auto heard = second.read_to_end(deadline(10s));
  EXPECT_EQ(heard.how, raw_client::ended::fin);
  std::optional<h2::heard_frame> last;
  while (auto f = h2::take_frame(heard.bytes)) last = f;
  ASSERT_TRUE(last);
  EXPECT_EQ(last->type, h2::goaway_frame);
  EXPECT_EQ(last->number_at(0), 0U);
  EXPECT_EQ(last->number_at(4), h2::no_error);
}

TEST(h2_abuse, http_1_and_http_2_share_a_port) {
  server_and_client t;
  t.client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(t.client.read_reply().status_line(), "HTTP/1.1 200 OK");
  raw_client second(parse_server_address(t.server.url()), begin.substr(0, 10));
  second.send(begin.substr(10) + h2::get(1));
  std::string bytes = second.read_next(deadline(10s)).bytes;
  EXPECT_EQ(h2::take_frame(bytes)->type, h2::settings_frame);
  t.client.send("PRI * HTTP/2.0\r\n\r\n");  // not where a connection begins
  EXPECT_EQ(t.client.read_reply().status_line(), "HTTP/1.1 505 HTTP Version Not Supported");
}

}  // namespace
