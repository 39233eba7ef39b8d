// A tcp_server that no app drives, and what it has in common with http::server.
#include <gmock/gmock.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/tcp/tcp_echo_test.hpp"
#include "lastcall/net/tcp/tcp_server.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::net::tcp_server_alone_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing_net::client;
using testing_net::local_tcp;

TEST(tcp_server_alone, serves_and_shuts_down_as_soon_as_the_last_session_has_ended) {
  tcp_server it(local_tcp());
  it.start();
  const endpoint where = it.addresses().at(0);
  client c(where);
  c.say("a\n");
  EXPECT_EQ(c.hear_until("\n"), "a\n");
  std::thread leaving([&] {
    EXPECT_EQ(c.hear_all(), "");
    c.close();
  });
  const shutdown_result first = it.shutdown(deadline(20s)), again = it.shutdown(deadline(0s));
  leaving.join();
  EXPECT_EQ(first.outcome, outcome::graceful);
  EXPECT_EQ(first.connections_forced, 0u);
  EXPECT_LT(first.took, 15s);
  EXPECT_EQ(again.took, first.took) << "a second call returns the same";
  EXPECT_EQ(it.connections(), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  EXPECT_EQ(client(where).error(), ECONNREFUSED);
}

TEST(tcp_server_alone, forces_what_is_left_before_the_deadline) {
  tcp_server it(local_tcp([](tcp_stream s) -> task<> {
    while (!s.life().forced()) co_await wait_until_forced_for(s.life(), 1h);
  }));
  it.start();
  client a(it.addresses().at(0)), b(it.addresses().at(0));
  while (it.connections().accepted < 2) std::this_thread::yield();
  const shutdown_result result = it.shutdown(deadline(1s));
  EXPECT_EQ(result.outcome, outcome::forced);
  EXPECT_EQ(result.connections_forced, 2u);
  EXPECT_EQ(result.requests_forced, 0u);
}

TEST(tcp_server_alone, closes_at_once_and_says_what_it_cut) {
  tcp_server it(local_tcp());
  it.start();
  client c(it.addresses().at(0));
  c.say("a\n");
  EXPECT_EQ(c.hear_until("\n"), "a\n");
  const close_result cut = it.close();
  EXPECT_EQ(cut.connections + cut.idle_connections, 1u);
  EXPECT_EQ(cut.requests, 0u);
  c.hear_all();
  EXPECT_EQ(it.connections().forced, 1u);
}

TEST(tcp_server_alone, starts_once_and_is_not_shut_down_where_an_app_drives_it) {
  tcp_server it(local_tcp());
  it.start();
  EXPECT_THROW(it.start(), std::logic_error);
  { tcp_server never(local_tcp()); }
  app a({.signals = {}, .log = log_level::none});
  const auto of_app = a.add<tcp_server>("tcp", local_tcp());
  a.start();
  try {
    of_app->shutdown(deadline(1s));
    FAIL() << "an app drives it";
  } catch (const std::logic_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("call app::shutdown"));
  }
  EXPECT_EQ(a.shutdown(deadline(10s)).exit_code, 0);
}

TEST(tcp_server_alone, reads_on_for_its_silence_so_that_a_request_that_crosses_the_end_is_served) {
  for (const duration silence : {duration(0s), duration(4s)}) {
    tcp_server_options o = local_tcp();
    o.idle_drain_after = silence;
    o.limits.goodbye_time = 40s;
    tcp_server it(o.idle_drain_after > 0s ? std::move(o) : local_tcp());
    it.start();
    client c(it.addresses().at(0));
    c.say("a\n");
    EXPECT_EQ(c.hear_until("\n"), "a\n");
    std::thread stopping([&] { it.shutdown(deadline(40s)); });
    if (silence > 0s) {
      // Two requests that come while it drains; each begins the silence anew.
      while (client(it.addresses().at(0)).error() != ECONNREFUSED) std::this_thread::yield();
      for (const char* const late : {"b\n", "c\n"}) {
        c.say(late);
        EXPECT_EQ(c.hear_until("\n"), late);
      }
    }
    EXPECT_EQ(c.hear_all(), "");
    EXPECT_EQ(c.heard_error(), 0);
    c.close();
    stopping.join();
    EXPECT_EQ(it.connections().timed_out, 0u);
  }
}

TEST(tcp_server_alone, can_have_a_listener_for_each_thread) {
  tcp_server_options o = local_tcp();
  o.listener_per_thread = true;
  tcp_server it(std::move(o));
  it.start();
  ASSERT_EQ(it.addresses().size(), 1u) << "one port";
  std::vector<std::unique_ptr<client>> all;
  for (int n = 0; n < 20; ++n) {
    all.push_back(std::make_unique<client>(it.addresses().at(0)));
    all.back()->say("x\n");
    EXPECT_EQ(all.back()->hear_until("\n"), "x\n");
  }
  for (auto& each : all) each->close();
  EXPECT_EQ(it.shutdown(deadline(20s)).outcome, outcome::graceful);
}

}  // namespace lastcall::net::tcp_server_alone_test
