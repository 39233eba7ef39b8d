#include "lastcall/testing/fault_relay.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace lastcall::testing::fault_relay_test {

using namespace std::chrono_literals;

/// A blocking socket whose every call ends within 20 s.
class peer {
 public:
  explicit peer(int fd) : fd_(fd) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  peer(peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~peer() { close(); }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void end() { ::shutdown(fd_, SHUT_WR); }
  void send(const std::string& bytes) {
    ASSERT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Exactly so many bytes, or what came before the end: then "FIN", "RST" or the error is behind it.
  std::string read(std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      char piece[4096];
      const ssize_t n = ::recv(fd_, piece, std::min(sizeof piece, bytes - all.size()), 0);
      if (n == 0) return all + "FIN";
      if (n < 0) return all + (errno == ECONNRESET ? "RST" : "error " + std::to_string(errno));
      all.append(piece, static_cast<std::size_t>(n));
    }
    return all;
  }
  bool anything_to_read(int within_ms) const {
    pollfd watched{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, within_ms) > 0;
  }

 private:
  int fd_;
};

class fault_relay_test : public ::testing::Test {
 protected:
  fault_relay_test() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listener_.fd(), reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_.fd(), 64) != 0 ||
        ::getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "no server for the relay");
    }
    address_ = parse_server_address("http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)));
  }

  void relay(relay_options options = {}) { relay_.emplace(address_, std::move(options)); }
  peer client(int* error = nullptr) {
    const auto to = parse_server_address(relay_->url());
    peer it(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int result = ::connect(it.fd(), reinterpret_cast<const sockaddr*>(&to.address), to.length);
    if (error != nullptr) *error = result == 0 ? 0 : errno;
    return it;
  }
  peer accepted() { return peer(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC)); }
  bool all_gone() {
    return relay_->wait_for([](const auto& all) { return !all.empty() && !all.back().open; }, deadline(20s));
  }

  peer listener_;
  server_address address_;
  std::optional<fault_relay> relay_;
};

TEST_F(fault_relay_test, passes_both_ways_and_counts) {
  relay();
  peer c = client(), s = accepted();
  c.send("question");
  EXPECT_EQ(s.read(8), "question");
  s.send("answer");
  EXPECT_EQ(c.read(6), "answer");
  c.end();
  EXPECT_EQ(s.read(1), "FIN");
  s.send("late");
  EXPECT_EQ(c.read(4), "late") << "a half-closed connection still answers";
  s.close();
  EXPECT_EQ(c.read(1), "FIN");
  ASSERT_TRUE(all_gone());
  EXPECT_EQ(relay_->bytes(direction::to_server), 8u);
  EXPECT_EQ(relay_->bytes(direction::to_client), 10u);
  EXPECT_EQ(relay_->open(), 0u);
}

TEST_F(fault_relay_test, passes_more_than_it_holds) {
  relay({.buffer_bytes = 1000});
  peer c = client(), s = accepted();
  const std::string much(300'000, 'x');
  std::thread sends([&] {
    s.send(much);
    s.close();
  });
  EXPECT_EQ(c.read(much.size() + 1), much + "FIN");
  sends.join();
}

TEST_F(fault_relay_test, delays_each_way) {
  relay({.faults = {.to_server = {.delay = 30ms}, .to_client = {.delay = 50ms}}});
  peer c = client(), s = accepted();
  const auto began = steady().now();
  c.send("a");
  EXPECT_EQ(s.read(1), "a");
  EXPECT_GE(steady().now() - began, 30ms);
  s.send("b");
  EXPECT_EQ(c.read(1), "b");
  EXPECT_GE(steady().now() - began, 80ms);
  s.close();
  const auto closed = steady().now();
  EXPECT_EQ(c.read(1), "FIN");
  EXPECT_GE(steady().now() - closed, 50ms - 1ms) << "the end takes as long as the bytes";
}

TEST_F(fault_relay_test, keeps_to_a_bandwidth) {
  relay({.faults = {.to_client = {.bytes_per_second = 100'000}}});
  peer c = client(), s = accepted();
  const auto began = steady().now();
  s.send(std::string(20'000, 'x'));
  EXPECT_EQ(c.read(20'000).size(), 20'000u);
  EXPECT_GE(steady().now() - began, 185ms);
}

TEST_F(fault_relay_test, writes_in_pieces_that_arrive_one_by_one) {
  relay({.faults = {.to_server = {.piece_bytes = 1, .piece_gap = 2ms}}});
  peer c = client(), s = accepted();
  const auto began = steady().now();
  c.send("GET / HTTP/1.1");
  EXPECT_EQ(s.read(14), "GET / HTTP/1.1");
  EXPECT_GE(steady().now() - began, 26ms);
}

TEST_F(fault_relay_test, stalls_one_direction_until_told_otherwise) {
  relay();
  peer c = client(), s = accepted();
  c.send("first");
  ASSERT_EQ(s.read(5), "first");
  relay_->set(0, {.to_server = {.stalled = true}});
  c.send("second");
  s.send("other way");
  EXPECT_EQ(c.read(9), "other way");
  EXPECT_FALSE(s.anything_to_read(50));
  relay_->set(0, {});
  EXPECT_EQ(s.read(6), "second");
}

TEST_F(fault_relay_test, breaks_at_exactly_the_byte_it_was_told) {
  for (const auto& [then, heard] :
       {std::pair{line_end::half_close, "FIN"}, {line_end::cut, "FIN"}, {line_end::reset, "RST"}}) {
    relay({.faults = {.to_client = {.at_byte = 1000, .then = then}}});
    peer c = client(), s = accepted();
    s.send(std::string(5000, 'x'));
    if (then == line_end::reset) {
      EXPECT_TRUE(c.read(1001).ends_with(heard)) << "a reset may overtake what was sent before it";
    } else {
      EXPECT_EQ(c.read(1001), std::string(1000, 'x') + heard);
    }
    EXPECT_EQ(relay_->connections().at(0).to_client, 1000u);
    if (then == line_end::half_close) {
      c.send("still there");
      EXPECT_EQ(s.read(11), "still there");
    } else {
      EXPECT_EQ(s.read(1), heard);
    }
  }
}

TEST_F(fault_relay_test, chooses_for_each_connection) {
  relay();
  relay_->choose(
      [](std::size_t number) { return number == 1 ? relay_faults{.to_client = {.at_byte = 0}} : relay_faults{}; });
  peer first = client(), first_server = accepted();
  peer second = client(), second_server = accepted();
  EXPECT_EQ(second.read(1), "RST");
  first_server.send("well");
  EXPECT_EQ(first.read(4), "well");
}

TEST_F(fault_relay_test, breaks_at_a_call) {
  relay();
  peer a = client(), a_server = accepted();
  peer b = client(), b_server = accepted();
  peer c = client(), c_server = accepted();
  relay_->reset(0);
  EXPECT_EQ(a.read(1), "RST");
  EXPECT_EQ(a_server.read(1), "RST");
  relay_->half_close(1, direction::to_server);
  EXPECT_EQ(b_server.read(1), "FIN");
  b_server.send("bye");
  EXPECT_EQ(b.read(3), "bye");
  relay_->cut_all();
  for (peer* each : {&b, &c, &c_server}) EXPECT_EQ(each->read(1), "FIN");
  relay_->reset_all();
  EXPECT_TRUE(relay_->wait_for([&](const auto&) { return true; }, deadline(1s)));
  EXPECT_TRUE(all_gone());
}

TEST_F(fault_relay_test, carries_a_reset_over_with_its_delay) {
  relay({.faults = relay_faults::both({.delay = 20ms})});
  peer c = client(), s = accepted();
  const auto began = steady().now();
  c.reset();
  EXPECT_EQ(s.read(1), "RST");
  EXPECT_GE(steady().now() - began, 20ms);
  ASSERT_TRUE(all_gone());
}

TEST_F(fault_relay_test, refuses_new_clients_serves_the_old_and_welcomes_again) {
  relay();
  peer c = client(), s = accepted();
  relay_->refuse_new();
  int error = 0;
  client(&error);
  EXPECT_EQ(error, ECONNREFUSED);
  c.send("old");
  EXPECT_EQ(s.read(3), "old");
  relay_->refuse_new(false);
  peer again = client(&error);
  EXPECT_EQ(error, 0);
  again.send("new");
  EXPECT_EQ(accepted().read(3), "new");
}

TEST_F(fault_relay_test, resets_a_client_that_the_server_refuses) {
  relay();
  listener_.close();
  peer c = client();
  EXPECT_EQ(c.read(1), "RST");
  EXPECT_TRUE(all_gone());
  EXPECT_EQ(relay_->refused_by_server(), 1u);
}

TEST_F(fault_relay_test, is_not_kept_busy_by_remotes_that_are_gone_or_silent) {
  relay({.faults = {.to_server = {.stalled = true}}, .buffer_bytes = 10});
  peer c = client(), s = accepted();
  peer d = client(), e = accepted();
  c.send(std::string(100, 'x'));
  c.reset();
  d.end();
  e.close();
  timespec before{}, after{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  EXPECT_FALSE(s.anything_to_read(200));
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const double used_ms = static_cast<double>(after.tv_sec - before.tv_sec) * 1e3 +
                         static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e6;
  EXPECT_LT(used_ms, 100) << "of 200 ms";
}

}  // namespace lastcall::testing::fault_relay_test
