// What each mechanism is worth: the same load loses requests as soon as one is switched off, and none with it. Each
// test is built such that something must be lost; how much more is luck, and not asserted.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <system_error>

#include "lastcall/testing/internal/http_reply.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;

/// Measures once as it is meant to be and once with each of `off`.
void expect_each_loses(const std::string& what, const measurement& m, const std::vector<std::vector<std::string>>& off,
                       double at_least) {
  const auto with = measure(m);
  if (!with.skipped.empty()) GTEST_SKIP() << with.skipped;
  EXPECT_EQ(with.total("lost") + with.total("late"), 0) << with.table;
  EXPECT_EQ(with.exit, exit_status{.code = 0});
  expect_ledgers_add_up(with.report);
  std::printf("%s: %.0f lost of %.0f\n", what.c_str(), with.total("lost"), with.total("attempted"));
  for (const auto& options : off) {
    SCOPED_TRACE(options.at(0) + " " + options.at(1));
    auto without = m;
    without.server.insert(without.server.end(), options.begin(), options.end());
    const auto result = measure(without);
    EXPECT_GE(result.total("lost"), at_least) << result.table;
    ASSERT_TRUE(result.report) << result.table;
    expect_ledgers_add_up(result.report);
    std::printf("%s, %s %s: %.0f lost of %.0f\n", what.c_str(), options[0].c_str(), options[1].c_str(),
                result.total("lost"), result.total("attempted"));
  }
}

// Requests in flight that nobody waits for.
TEST(mechanisms, an_immediate_close_loses_every_request_in_flight) {
  expect_each_loses("20 in flight", {.loads = {"inflight:20,path=/slow?ms=900"}}, {{"--stop", "close"}}, 20);
}

// At 1,000 a second and 40 ms of round trip, 20 to 40 handshakes are between SYN and accept at any moment.
TEST(mechanisms, closing_the_listener_otherwise_loses_the_handshakes_in_flight) {
  expect_each_loses("1,000 new connections a second, 40 ms round trip", {.loads = {"fresh,rate=1000"}, .one_way = 20ms},
                    {{"--listener-close", "plain"}, {"--listener-close", "accept"}}, 10);
}

// In a closed loop over a wire every connection that is idle for the server has a request or a response on its way. The
// groups differ in their period: in step, all 64 could have their response and our FIN at the same moment.
TEST(mechanisms, closing_idle_connections_at_once_loses_what_busy_clients_just_sent) {
  std::vector<std::string> loads;
  for (int ms = 0; ms < 64; ms += 8) loads.push_back("busy:8,path=/slow?ms=" + std::to_string(ms));
  expect_each_loses("64 busy, 100 ms round trip", {.loads = loads, .after = 1s, .one_way = 50ms},
                    {{"--idle-close", "now"}}, 8);
}

// Expected: round trip over pause, 40 of 125 ms, of 200.
TEST(mechanisms, closing_idle_connections_at_once_loses_what_pausing_clients_just_sent) {
  expect_each_loses("200 with pauses, 40 ms round trip", {.loads = {"race:200"}, .one_way = 20ms},
                    {{"--idle-close", "now"}}, 10);
}

/// A client whose receive window holds a tenth of the response, so that the rest is still with the server's kernel when
/// the server has finished. It sends its next request before it has read the answer, as a pipelining client may.
class narrow_client {
 public:
  static constexpr std::size_t body_bytes = 12'000;  // fits into the server's send buffer at once

  explicit narrow_client(const lastcall::testing::server_address& to)
      : fd_(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int least = 1;  // the kernel makes it its minimum
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0)
      throw std::system_error(errno, std::generic_category(), "connect");
  }
  ~narrow_client() { ::close(fd_); }
  narrow_client(const narrow_client&) = delete;
  narrow_client& operator=(const narrow_client&) = delete;

  bool ask(const std::string& path) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: narrow\r\n\r\n";
    return ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  }
  /// Until something can be read.
  bool await_answer(deadline by) const { return await(POLLIN, by); }
  /// Until the connection was reset.
  bool await_reset(deadline by) const { return await(0, by); }
  /// Whether a whole response with a body of so many bytes came.
  bool hear(std::size_t expected_body) {
    lastcall::testing::http_reply reply;
    reply.begin();
    char bytes[512];
    while (!reply.complete() && !reply.malformed()) {
      const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
      if (n <= 0) return false;
      reply.take({bytes, static_cast<std::size_t>(n)});
    }
    return reply.complete() && reply.status() == 200 && reply.body_bytes() == expected_body;
  }

 private:
  bool await(short events, deadline by) const {
    pollfd watched{.fd = fd_, .events = events, .revents = 0};
    const auto left = by.remaining(lastcall::steady().now());
    return ::poll(&watched, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count())) > 0;
  }

  int fd_;
};

/// Connects until that is refused: the listener is the first to go, and the connections are told right behind it.
bool refuses(const lastcall::testing::server_address& to, deadline by) {
  int error = 0;
  while (error == 0 && !by.passed(lastcall::steady().now())) {
    const int fd = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0) error = errno;
    ::close(fd);
  }
  return error == ECONNREFUSED;
}

struct farewells {
  int whole = 0;        // responses that came completely
  double answered = 0;  // what the server thinks
};

/// Idle clients ask once more while the server drains, get the last answer, and have sent yet another request before
/// they have read it.
farewells ask_across_the_end(int clients, const std::string& linger) {
  testbed server({"--linger", linger, "--linger-time", "15s", "--silence", "10s"});
  const auto where = lastcall::testing::parse_server_address(server.url());
  std::deque<narrow_client> all;
  for (int i = 0; i < clients; ++i) {
    all.emplace_back(where);
    EXPECT_TRUE(all.back().ask("/") && all.back().hear(6));
  }
  EXPECT_TRUE(server.process.signal(SIGTERM));
  EXPECT_TRUE(refuses(where, deadline(20s)));
  for (auto& each : all) EXPECT_TRUE(each.ask("/big?bytes=" + std::to_string(narrow_client::body_bytes)));
  for (auto& each : all) EXPECT_TRUE(each.await_answer(deadline(20s)));
  for (auto& each : all) each.ask("/");
  // Time for a reset to come, if one does.
  const deadline by(500ms);
  for (auto& each : all) each.await_reset(by);
  farewells result;
  for (auto& each : all)
    if (each.hear(narrow_client::body_bytes)) ++result.whole;
  all.clear();
  EXPECT_EQ(server.wait(deadline(30s)), exit_status{.code = 0});
  expect_ledgers_add_up(server.report());
  result.answered = server.report().number("requests.answered");
  return result;
}

// The kernel answers a request that meets a closed connection with a reset, and drops what of the response is still to
// be sent. The server believes that it has answered.
TEST(mechanisms, closing_without_lingering_lets_a_reset_destroy_the_last_response) {
  constexpr int clients = 20;
  const auto with = ask_across_the_end(clients, "on");
  const auto without = ask_across_the_end(clients, "off");
  std::printf("%d last responses with a request behind them: %d lost; --linger off: %d lost\n", clients,
              clients - with.whole, clients - without.whole);
  EXPECT_EQ(with.whole, clients);
  EXPECT_LE(without.whole, clients / 2);
  EXPECT_GE(without.answered, 2 * clients) << "it should not even have noticed";
}

}  // namespace
