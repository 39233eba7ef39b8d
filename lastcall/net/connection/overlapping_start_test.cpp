// A server's start beside other processes that stop, or do not answer.
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/listen/open_listeners.hpp"

namespace lastcall::net::overlapping_start_test {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_net::client;
using testing_net::line_connection;
using testing_net::line_monitor;

listener_options overlapping(endpoint where) { return {.where = std::move(where), .overlap = true}; }

/// A process that serves one address, and another one where a process has the door and says nothing. A server that
/// starts on both takes the first, and waits at the second.
struct two_addresses {
  two_addresses() : former(open_listeners(overlapping(endpoint_of("127.0.0.1", 0)), 1, {})), first(former[0].local()) {
    answering = std::thread([this] {
      while (!told_enough) {
        pollfd asked{.fd = detail::shared(former[0])->door(), .events = POLLIN, .revents = 0};
        if (::poll(&asked, 1, 5) > 0) detail::shared(former[0])->answer();
      }
    });
    runtime_.start({});
    server.emplace(
        connection_server_options{.listeners = {overlapping(first), overlapping(second)},
                                  .farewell = {.idle_drain_after = 20ms, .linger = 10s, .linger_acknowledged = 20ms},
                                  .log = logger(log_level::warning,
                                                [this](const log_record& r) {
                                                  const std::lock_guard lock(mutex);
                                                  heard.emplace_back(r.text);
                                                })},
        runtime_, [this](arrival it) {
          return std::make_unique<line_connection>(monitor, server->set(it.loop), std::move(it.socket), it.remote,
                                                   it.refusing, it.loop);
        });
    starting = std::thread([this] {
      try {
        server->start(life.get());
      } catch (const std::system_error& error) {
        ended = error.code();
      }
    });
    pollfd asked{.fd = door.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&asked, 1, 20'000), 1) << "it has the first address, and asks for the second";
    told_enough = true;
    answering.join();
  }
  ~two_addresses() {
    server.reset();
    runtime_.stop();
  }

  const endpoint second = endpoint_of("unix:@overlapping-start-" + std::to_string(::getpid()), 0);
  unique_fd door = overlap::open_door(second);
  std::vector<listener> former;
  const endpoint first;
  std::atomic<bool> told_enough{false};
  std::thread answering;
  std::mutex mutex;
  std::vector<std::string> heard;
  line_monitor monitor;
  runtime runtime_{{.threads = 2, .log = logger(log_level::none, nullptr)}};
  std::optional<connection_server> server;
  context_source life;
  std::error_code ended;
  std::thread starting;
};

TEST(overlapping_start, that_is_told_to_stop_while_it_waits_gives_up_what_it_has) {
  two_addresses t;
  t.life.begin_drain(steady().now() + 30s);
  t.starting.join();
  EXPECT_EQ(t.ended, std::errc::operation_canceled);
  EXPECT_EQ(t.former[0].begin_close(), closing_way::unplug) << "nobody else has it";
  EXPECT_THAT(t.heard, ElementsAre());
}

/// A close would reset them.
TEST(overlapping_start, that_fails_after_the_former_process_has_left_serves_who_waits) {
  two_addresses t;
  EXPECT_EQ(t.former[0].begin_close(), closing_way::leave);
  t.former.clear();
  client waits(t.first);
  ASSERT_EQ(waits.error(), 0);
  waits.say("a\n");
  const listener other({.where = t.second});
  t.door.reset();
  t.starting.join();
  EXPECT_EQ(t.ended, std::errc::address_in_use);
  EXPECT_EQ(waits.hear_until("\n"), "a\n");
  waits.hear_all();
  EXPECT_EQ(waits.heard_error(), 0);
  EXPECT_THAT(t.heard, Contains(HasSubstr("no other process serves there any more; who had connected was served")));
  EXPECT_EQ(client(t.first).error(), ECONNREFUSED);
}

}  // namespace lastcall::net::overlapping_start_test
