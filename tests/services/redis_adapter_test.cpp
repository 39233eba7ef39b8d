// The adapter that docs/guide/write-your-own-adapter.md writes in 30 lines holds what every adapter must hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "examples/33_redis/redis.hpp"
#include "lastcall/testing.hpp"
#include "tests/process/raw_client.hpp"

namespace service_tests {

using namespace std::chrono_literals;

/// A Redis of its own: on a Unix socket in a folder of its own, gone with the test.
class redis_server {
 public:
  redis_server() {
    std::string name = std::filesystem::temp_directory_path() / "lastcall-redis-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    folder_ = name;
    server_.emplace(std::vector<std::string>{"redis-server", "--port", "0", "--unixsocket", socket(), "--dir", name,
                                             "--save", "", "--appendonly", "no"},
                    lastcall::testing::child_options{.output = lastcall::testing::stream_to::discard});
    for (const lastcall::deadline by(60s); !answers();) {
      if (by.passed(std::chrono::steady_clock::now())) throw std::runtime_error("no redis: " + server_->errors());
      std::this_thread::sleep_for(5ms);
    }
  }
  ~redis_server() {
    server_->signal(SIGTERM);
    if (!server_->wait(lastcall::deadline(30s))) server_->signal(SIGKILL);
    server_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  redis_server& operator=(redis_server&&) = delete;

  std::string socket() const { return folder_ / "socket"; }

 private:
  bool answers() const {
    const redis::connection on(redisConnectUnix(socket().c_str()));
    return on && on->err == 0;
  }

  std::filesystem::path folder_;
  std::optional<lastcall::testing::child_process> server_;
};

int port_of(const std::string& url) { return std::atoi(url.c_str() + url.rfind(':') + 1); }

TEST(redis_adapter, conforms) {
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

TEST(redis_adapter, keeps_notes_behind_a_server) {
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
