// The adapter that docs/guide/write-your-own-adapter.md writes in 30 lines holds what every adapter must hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "examples/33_redis/redis.hpp"
#include "lastcall/testing.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/services/redis_server.hpp"

namespace service_tests {

int port_of(const std::string& url) { return std::atoi(url.c_str() + url.rfind(':') + 1); }

TEST(own_adapter, conforms) {
  const redis_server server;
  const auto at = lastcall::testing::parse_server_address("unix:" + server.socket());
  const lastcall::testing::fault_relay by_tcp(at);  // the adapter of the page knows TCP only
  const auto faults = lastcall::testing::check_adapter(lastcall::testing::adapter_under_test<redis::pool>{
      .make =
          [&](const lastcall::testing::server_address& where, const lastcall::logger& log) {
            const bool direct = where.family() == AF_UNIX;
            return std::make_unique<redis::pool>(redis::at("127.0.0.1", direct ? by_tcp.port() : port_of(where.text)),
                                                 log);
          },
      .work = [](redis::pool& of, const lastcall::context& with) { redis::ask(of, with, "INCR %s", "count"); },
      .long_work = [](redis::pool& of, const lastcall::context& with) { redis::ask(of, with, "BLPOP none 600"); },
      .hold =
          [](redis::pool& of, const lastcall::function<void()>& wait) {
            const auto on = *of.acquire();
            wait();
          },
      .server = at});
  EXPECT_THAT(faults, testing::IsEmpty());
}

TEST(own_adapter, keeps_notes_behind_a_server) {
  const redis_server server;
  const lastcall::testing::fault_relay by_tcp(lastcall::testing::parse_server_address("unix:" + server.socket()));
  const char* const bin = std::getenv("LASTCALL_BIN");
  lastcall::testing::child_process notes(std::vector<std::string>{
      std::string(bin != nullptr ? bin : "build/release/bin") + "/with_redis", std::to_string(by_tcp.port()), "0"});
  const auto line = notes.wait_for_error_line("listening on http://", lastcall::deadline(30s));
  ASSERT_TRUE(line) << notes.errors();
  const auto at = lastcall::testing::parse_server_address(line->substr(line->find("http://")));
  const auto say = [&](const std::string& request) {
    return process_tests::raw_client(at, request).read_reply().status_line();
  };
  EXPECT_EQ(say("PUT /tea HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\ngreen"), "HTTP/1.1 200 OK");
  EXPECT_EQ(say("GET /tea HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 OK");
  EXPECT_EQ(say("GET /coffee HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 404 Not Found");
  notes.signal(SIGTERM);
  const auto ended = notes.wait(lastcall::deadline(30s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0) << notes.errors();
}

}  // namespace service_tests
