#include "lastcall/net/connection/connection.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>

#include "lastcall/net/connection/single_set_test.hpp"

namespace lastcall::net::connection_test {

using namespace std::chrono_literals;
using testing_net::single_set;

TEST(connection, ends_clean_when_both_have_said_all) {
  single_set s;
  auto c = s.connect();
  c->say("bye\n");
  EXPECT_EQ(c->hear_all(), "bye\n");
  EXPECT_EQ(c->heard_error(), 0);
  c->close();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  EXPECT_EQ(s.set.counts().open(), 0U);
}

TEST(connection, ends_by_the_remote_at_its_orderly_end) {
  single_set s;
  auto c = s.connect();
  c->close();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_by_remote = 1}));
}

TEST(connection, ends_by_a_reset_and_counts_its_kind) {
  single_set s;
  auto c = s.connect();
  c->say("wait\n");
  ASSERT_TRUE(s.monitor.wait_for_lines(1));
  c->reset();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .reset_by_remote = 1}));
  EXPECT_EQ(s.abnormal.count(io_end::reset), 1U);
}

/// Has nothing to say but files.
class file_sender final : public connection {
 public:
  file_sender(connection_set& set, unique_fd socket) : connection(set, std::move(socket), {}) {
    enter(connection_state::busy, time_point::max());
  }
  using connection::transmit_file;

 private:
  void on_readable() noexcept override {}
  void on_writable() noexcept override {}
};

TEST(connection, that_sends_a_file_to_a_remote_that_has_gone_is_told_by_an_error_and_no_signal) {
  single_set s;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  ::close(ends[1]);
  const unique_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  s.on_loop([&] {
    auto c = std::make_unique<file_sender>(s.set, unique_fd(ends[0]));
    file_sender& sender = *c;
    s.set.adopt(std::move(c));
    EXPECT_EQ(sender.transmit_file(file.get(), 0, 1000).end, io_end::broken_pipe);
  });
}

TEST(connection, that_cannot_read_a_file_does_not_blame_its_remote) {
  single_set s;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const unique_fd remote(ends[1]), folder(::open("/", O_RDONLY | O_CLOEXEC));
  s.on_loop([&] {
    auto c = std::make_unique<file_sender>(s.set, unique_fd(ends[0]));
    file_sender& sender = *c;
    s.set.adopt(std::move(c));
    EXPECT_TRUE(sender.transmit_file(folder.get(), 0, 1000).unreadable);
  });
}

TEST(connection, times_out_when_a_newcomer_says_nothing) {
  single_set s;
  s.monitor.fresh_time = 10ms;
  auto c = s.connect();
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .timed_out = 1}));
}

TEST(connection, says_farewell_when_idle_for_too_long) {
  single_set s;
  s.monitor.idle_time = 10ms;
  auto c = s.connect();
  c->say("hi\n");
  EXPECT_EQ(c->hear_all(), "hi\n");
  c->close();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection, answers_a_half_closed_remote_and_then_ends) {
  single_set s;
  auto c = s.connect();
  c->say("one\ntwo\n");
  c->finish_sending();
  EXPECT_EQ(c->hear_all(), "one\ntwo\n");
  EXPECT_EQ(c->heard_error(), 0);
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_by_remote = 1}));
}

TEST(connection, is_not_reset_by_what_it_left_unread) {
  single_set s;
  auto c = s.connect();
  c->say("bye\n" + std::string(1'000'000, 'x'));
  EXPECT_EQ(c->hear_all(), "bye\n");
  EXPECT_EQ(c->heard_error(), 0);
  c->close();
  EXPECT_EQ(s.ended(1).closed_clean, 1U);
}

TEST(connection, waits_only_shortly_for_a_remote_that_has_everything) {
  single_set s;  // lingers 10 s, but 20 ms once its FIN is acknowledged
  auto c = s.connect();
  const time_point begin = steady().now();
  c->say("bye\n");
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  EXPECT_GE(steady().now() - begin, 20ms);
  EXPECT_LT(steady().now() - begin, 5s);
  EXPECT_EQ(c->hear_all(), "bye\n");
}

TEST(connection, gives_a_deaf_remote_up_at_the_end_of_its_linger) {
  single_set s({.idle_drain_after = 30ms, .linger = 30ms, .linger_acknowledged = 10s});
  auto c = s.connect(4096);  // never reads, so that our FIN stays behind what is queued
  c->say("fill\n");
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .timed_out = 1}));
}

TEST(connection, does_not_linger_when_told_so) {
  single_set s({.idle_drain_after = 30ms, .linger = 0s, .linger_acknowledged = 10s});
  auto c = s.connect();
  c->say("bye\n");
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection, counts_bytes_that_crossed_its_farewell) {
  single_set s({.idle_drain_after = 30ms, .linger = 10s, .linger_acknowledged = 10s});
  auto late = s.connect(), punctual = s.connect();
  for (auto* c : {late.get(), punctual.get()}) {
    c->say("bye\n");
    EXPECT_EQ(c->hear_all(), "bye\n");
  }
  late->say("one more\n");
  late->close();
  punctual->close();
  EXPECT_EQ(s.ended(2), (connection_ledger{.accepted = 2, .closed_clean = 2}));
  EXPECT_EQ(s.numbers().crossed, 1U);
}

TEST(connection, stays_with_a_remote_that_sends_on_after_its_farewell) {
  single_set s({.idle_drain_after = 30ms, .linger = 10s, .linger_acknowledged = 500ms});
  auto c = s.connect();
  c->say("bye\n");
  for (int i = 0; i < 4; ++i) {
    if (i > 0) std::this_thread::sleep_for(300ms);  // as a slow sender
    EXPECT_EQ(c->say("more"), 4U);
  }
  EXPECT_EQ(c->hear_all(), "bye\n") << "it reads only now";
  EXPECT_EQ(c->heard_error(), 0);
  c->close();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection, gives_a_remote_that_sends_on_a_pause_longer_than_a_silent_one) {
  single_set s({.idle_drain_after = 30ms, .linger = 1s, .linger_acknowledged = 1s});
  auto c = s.connect();
  c->say("bye\n");
  EXPECT_EQ(c->hear_all(), "bye\n");
  for (int i = 0; i < 3; ++i) {  // the first may come with our FIN, and be taken for bytes before it
    EXPECT_EQ(c->say("more"), 4U);
    std::this_thread::sleep_for(50ms);
  }
  std::this_thread::sleep_for(2s);  // as a slow sender
  EXPECT_EQ(s.state_of_first(), connection_state::lingering);
  s.drain();
  const time_point begin = steady().now();
  EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  EXPECT_LT(steady().now() - begin, 4s) << "while draining, a pause is as long as a silence";
}

TEST(connection, leaves_a_remote_that_sends_for_ever) {
  for (const bool drains : {false, true}) {
    single_set s(
        {.idle_drain_after = 30ms, .linger = 10s, .linger_acknowledged = 10s, .linger_sending = drains ? 60s : 200ms});
    auto c = s.connect();
    c->say("bye\n");
    EXPECT_EQ(c->hear_all(), "bye\n");
    if (drains) s.drain(300ms);
    const time_point begin = steady().now();
    while (c->say("more") > 0 && steady().now() - begin < 30s) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(s.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
    EXPECT_LT(steady().now() - begin, 9s);
  }
}

TEST(connection, ends_and_hears_nothing_more_although_a_child_process_has_a_copy_of_its_socket) {
  single_set s({.idle_drain_after = 30ms, .linger = 0s});
  auto c = s.connect();
  // As between fork and exec: the copy keeps the socket open, and with it what epoll would tell of it.
  unique_fd copy;
  for (int fd = 3; fd < 200 && !copy; ++fd) {
    sockaddr_storage name{}, peer{};
    socklen_t size = sizeof name, peer_size = sizeof peer;
    if (::getsockname(c->fd(), reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
        ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 &&
        endpoint::from_sockaddr(name, size) == endpoint::from_sockaddr(peer, peer_size))
      s.on_loop([&] { copy.reset(::dup(fd)); });  // on the thread that closes it
  }
  ASSERT_TRUE(copy);
  c->say("cut\n");
  EXPECT_EQ(s.ended(1).forced, 1U);
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_EQ(c->heard_error(), 0) << "its FIN did not come";
  s.on_loop([] {});  // now it is freed
  c->say("is anybody there?\n");
  pollfd arrived{.fd = copy.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&arrived, 1, 10'000), 1);
  s.on_loop([] {});  // a batch that touched the freed object would be found by the sanitizer, or crash
  s.on_loop([] {});
}

}  // namespace lastcall::net::connection_test
