#include "lastcall/net/connection/connection.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/net/connection/connection_set.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/loop/runtime.hpp"

namespace lastcall::net::connection_test {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using testing_net::client;
using testing_net::house;
using testing_net::line_connection;
using testing_net::run_on;

/// One loop and one set, into which a test puts connections by itself.
struct room {
  explicit room(farewell_options f = {.silence = 30ms, .linger = 10s, .linger_acknowledged = 20ms}, duration words = 0s)
      : farewell(f), last_words(words) {
    threads.start({});
  }
  ~room() {
    on_loop([&] { set.force(); });
    threads.stop();
  }

  template <class F> void on_loop(F f) { EXPECT_TRUE(run_on(loop, f)); }
  /// Connects a client; its other end is in the set when this returns.
  std::unique_ptr<client> enters(int receive_buffer = 0) {
    auto c = std::make_unique<client>(door.local(), receive_buffer);
    EXPECT_EQ(c->error(), 0);
    pollfd ready{.fd = door.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
    auto next = door.accept_one();
    EXPECT_TRUE(next.has_value());
    on_loop([&] {
      loop.refresh_now();
      set.adopt(std::make_unique<line_connection>(guests, set, std::move(next->fd), next->remote));
    });
    return c;
  }
  void drain(duration budget = 60s) {
    on_loop([&] { set.begin_drain(steady().now() + budget); });
  }
  /// What has ended, once `n` have.
  connection_ledger ended(std::size_t n) {
    EXPECT_TRUE(guests.wait_for_ended(n));
    on_loop([] {});  // the set counts after the connection was told
    return set.ledger();
  }
  connection_state state_of_first() {
    connection_state is = connection_state::closed;
    on_loop([&] {
      guests.change([&](house& h) {
        if (!h.here.empty()) is = h.here[0]->state();
      });
    });
    return is;
  }

  house guests;
  runtime threads{{.threads = 1, .log = logger(log_level::none, nullptr)}};
  net::loop& loop = *threads.loops()[0];
  farewell_options farewell;
  duration last_words;
  abnormal_ends abnormal{logger(log_level::none, nullptr), "room"};
  connection_set set{loop, farewell, abnormal, last_words};
  listener door{{.where = endpoint_of("127.0.0.1", 0)}};
};

TEST(connection, ends_clean_when_both_have_said_all) {
  room r;
  auto c = r.enters();
  c->say("bye\n");
  EXPECT_EQ(c->hear_all(), "bye\n");
  EXPECT_EQ(c->heard_error(), 0);
  c->close();
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  EXPECT_EQ(r.set.counts().open(), 0U);
}

TEST(connection, ends_by_the_remote_at_its_orderly_end) {
  room r;
  auto c = r.enters();
  c->close();
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_by_remote = 1}));
}

TEST(connection, ends_by_a_reset_and_counts_its_kind) {
  room r;
  auto c = r.enters();
  c->say("wait\n");
  ASSERT_TRUE(r.guests.wait_for_lines(1));
  c->reset();
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .reset_by_remote = 1}));
  EXPECT_EQ(r.abnormal.count(io_end::reset), 1U);
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
  room r;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  ::close(ends[1]);
  const unique_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  r.on_loop([&] {
    auto c = std::make_unique<file_sender>(r.set, unique_fd(ends[0]));
    file_sender& sender = *c;
    r.set.adopt(std::move(c));
    EXPECT_EQ(sender.transmit_file(file.get(), 0, 1000).end, io_end::broken_pipe);
  });
}

TEST(connection, that_cannot_read_a_file_does_not_blame_its_remote) {
  room r;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const unique_fd remote(ends[1]), folder(::open("/", O_RDONLY | O_CLOEXEC));
  r.on_loop([&] {
    auto c = std::make_unique<file_sender>(r.set, unique_fd(ends[0]));
    file_sender& sender = *c;
    r.set.adopt(std::move(c));
    EXPECT_TRUE(sender.transmit_file(folder.get(), 0, 1000).unreadable);
  });
}

TEST(connection, times_out_when_a_newcomer_says_nothing) {
  room r;
  r.guests.fresh_time = 10ms;
  auto c = r.enters();
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .timed_out = 1}));
}

TEST(connection, says_farewell_when_idle_for_too_long) {
  room r;
  r.guests.idle_time = 10ms;
  auto c = r.enters();
  c->say("hi\n");
  EXPECT_EQ(c->hear_all(), "hi\n");
  c->close();
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection, is_forced_only_with_work_in_progress) {
  room r;
  auto fresh = r.enters(), idle = r.enters(), busy = r.enters();
  idle->say("hi\n");
  EXPECT_EQ(idle->hear_until("\n"), "hi\n");
  busy->say("wait\n");
  ASSERT_TRUE(r.guests.wait_for_lines(2));
  std::size_t forced = 0;
  r.on_loop([&] { forced = r.set.force(); });
  EXPECT_EQ(forced, 1U);
  EXPECT_EQ(r.ended(3), (connection_ledger{.accepted = 3, .closed_clean = 2, .forced = 1}));
}

TEST(connection, keeps_a_ledger_that_adds_up_over_all_ends) {
  room r;
  auto clean = r.enters(), gone = r.enters(), reset = r.enters(), cut = r.enters();
  clean->say("bye\n");
  EXPECT_EQ(clean->hear_all(), "bye\n");
  clean->close();
  gone->close();
  reset->reset();
  cut->say("cut\n");
  EXPECT_EQ(cut->hear_all(), "");
  const connection_ledger all = r.ended(4);
  EXPECT_EQ(all, (connection_ledger{
                     .accepted = 4, .closed_clean = 1, .closed_by_remote = 1, .reset_by_remote = 1, .forced = 1}));
  EXPECT_TRUE(all.adds_up());
}

TEST(connection, answers_a_half_closed_remote_and_then_ends) {
  room r;
  auto c = r.enters();
  c->say("one\ntwo\n");
  c->finish_sending();
  EXPECT_EQ(c->hear_all(), "one\ntwo\n");
  EXPECT_EQ(c->heard_error(), 0);
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_by_remote = 1}));
}

TEST(connection, is_not_reset_by_what_it_left_unread) {
  room r;
  auto c = r.enters();
  c->say("bye\n" + std::string(1'000'000, 'x'));
  EXPECT_EQ(c->hear_all(), "bye\n");
  EXPECT_EQ(c->heard_error(), 0);
  c->close();
  EXPECT_EQ(r.ended(1).closed_clean, 1U);
}

TEST(connection, waits_only_shortly_for_a_remote_that_has_everything) {
  room r;  // lingers 10 s, but 20 ms once its FIN is acknowledged
  auto c = r.enters();
  const time_point begin = steady().now();
  c->say("bye\n");
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  EXPECT_GE(steady().now() - begin, 20ms);
  EXPECT_LT(steady().now() - begin, 5s);
  EXPECT_EQ(c->hear_all(), "bye\n");
}

TEST(connection, gives_a_deaf_remote_up_at_the_end_of_its_linger) {
  room r({.silence = 30ms, .linger = 30ms, .linger_acknowledged = 10s});
  auto c = r.enters(4096);  // never reads, so that our FIN stays behind what is queued
  c->say("fill\n");
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .timed_out = 1}));
}

TEST(connection, does_not_linger_when_told_so) {
  room r({.silence = 30ms, .linger = 0s, .linger_acknowledged = 10s});
  auto c = r.enters();
  c->say("bye\n");
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection, counts_bytes_that_crossed_its_farewell) {
  room r({.silence = 30ms, .linger = 10s, .linger_acknowledged = 10s});
  auto late = r.enters(), punctual = r.enters();
  for (auto* c : {late.get(), punctual.get()}) {
    c->say("bye\n");
    EXPECT_EQ(c->hear_all(), "bye\n");
  }
  late->say("one more\n");
  late->close();
  punctual->close();
  EXPECT_EQ(r.ended(2), (connection_ledger{.accepted = 2, .closed_clean = 2}));
  EXPECT_EQ(r.set.counts().crossed(), 1U);
}

TEST(connection, hears_nothing_more_although_a_child_process_has_a_copy_of_its_socket) {
  room r({.silence = 30ms, .linger = 0s});
  auto c = r.enters();
  // As between fork and exec: the copy keeps the socket open, and with it what epoll would tell of it.
  unique_fd copy;
  for (int fd = 3; fd < 200 && !copy; ++fd) {
    sockaddr_storage name{}, peer{};
    socklen_t size = sizeof name, peer_size = sizeof peer;
    if (::getsockname(c->fd(), reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
        ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 &&
        endpoint::from_sockaddr(name, size) == endpoint::from_sockaddr(peer, peer_size))
      r.on_loop([&] { copy.reset(::dup(fd)); });  // on the thread that closes it
  }
  ASSERT_TRUE(copy);
  c->say("cut\n");
  EXPECT_EQ(r.ended(1).forced, 1U);
  r.on_loop([] {});  // now it is freed
  c->say("is anybody there?\n");
  pollfd arrived{.fd = copy.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&arrived, 1, 10'000), 1);
  r.on_loop([] {});  // a batch that touched the freed object would be found by the sanitizer, or crash
  r.on_loop([] {});
}

TEST(connection, draining_is_left_to_finish_its_work) {
  room r;
  auto c = r.enters();
  c->say("wait\n");
  ASSERT_TRUE(r.guests.wait_for_lines(1));
  r.drain();
  EXPECT_EQ(r.state_of_first(), connection_state::busy);
  r.on_loop([&] { r.guests.change([](house& h) { EXPECT_EQ(h.drains, 1U); }); });
  r.on_loop([&] { r.guests.here[0]->answer("done\n"); });
  EXPECT_EQ(c->hear_all(), "done\n");
  c->close();
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection, draining_is_closed_after_its_silence_and_not_before) {
  room r({.silence = 100ms, .linger = 10s, .linger_acknowledged = 20ms});
  auto idle = r.enters(), fresh = r.enters();
  const time_point quiet_since = steady().now();
  idle->say("hi\n");
  EXPECT_EQ(idle->hear_until("\n"), "hi\n");
  r.drain();
  EXPECT_EQ(idle->hear_all(), "");
  EXPECT_GE(steady().now() - quiet_since, 100ms);
  EXPECT_EQ(fresh->hear_all(), "");
  EXPECT_EQ(r.ended(2), (connection_ledger{.accepted = 2, .closed_clean = 2}));
}

TEST(connection, draining_waits_for_a_client_that_is_known_to_pause) {
  room r({.silence = 1ms, .linger = 10s, .linger_acknowledged = 20ms});
  auto c = r.enters();
  c->say("one\n");
  EXPECT_EQ(c->hear_until("\n"), "one\n");
  const time_point answered = steady().now();
  while (steady().now() - answered < 60ms) r.on_loop([] {});  // the pause is what is tested
  const time_point quiet_since = steady().now();
  c->say("two\n");
  EXPECT_EQ(c->hear_until("\n"), "two\n");
  r.drain();
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_GE(steady().now() - quiet_since, 50ms);
}

TEST(connection, draining_with_a_silence_of_zero_is_closed_at_once) {
  room r({.silence = 0s, .linger = 10s, .linger_acknowledged = 20ms});
  auto c = r.enters();
  c->say("hi\n");
  EXPECT_EQ(c->hear_until("\n"), "hi\n");
  r.drain();
  EXPECT_NE(r.state_of_first(), connection_state::idle);
}

TEST(connection, is_told_of_a_drain_that_began_before_it_came) {
  room r;
  r.drain();
  auto c = r.enters();
  EXPECT_EQ(c->hear_all(), "");  // closed as silent
  EXPECT_EQ(r.ended(1).closed_clean, 1U);
  EXPECT_EQ(r.guests.drains, 1U);
}

TEST(connection, busy_at_the_drain_end_is_left_to_force) {
  room r;
  auto c = r.enters();
  c->say("wait\n");
  ASSERT_TRUE(r.guests.wait_for_lines(1));
  r.drain(10ms);
  const time_point drain_end = steady().now() + 10ms;
  while (steady().now() < drain_end + 20ms) r.on_loop([] {});  // beyond it, in time and on the loop
  EXPECT_EQ(r.state_of_first(), connection_state::busy);
  r.on_loop([&] { r.set.force(); });
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .forced = 1}));
}

TEST(connection, in_its_farewell_when_forced_is_the_remotes_fault_and_not_forced) {
  room r({.silence = 30ms, .linger = 10s, .linger_acknowledged = 10s});
  auto deaf = r.enters(4096);
  deaf->say("fill\n");
  ASSERT_TRUE(r.guests.wait_for_lines(1));
  std::size_t forced = 9;
  r.on_loop([&] { forced = r.set.force(); });
  EXPECT_EQ(forced, 0U);
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .timed_out = 1}));
}

TEST(connection, set_is_finished_at_once_when_empty_and_else_with_its_last) {
  room r;
  int finished = 0;
  r.on_loop([&] { r.set.finish([&] { ++finished; }); });
  EXPECT_EQ(finished, 1);
  auto a = r.enters(), b = r.enters();
  bool open_when_finished = false;
  r.on_loop([&] {
    r.set.finish([&] {
      ++finished;
      open_when_finished = r.set.counts().open() != 0;
    });
  });
  a->close();
  r.ended(1);
  r.on_loop([&] { EXPECT_EQ(finished, 1); });
  b->close();
  r.ended(2);
  r.on_loop([&] {  // on the loop: the ledger is written before the set says that it is finished
    EXPECT_EQ(finished, 2);
    EXPECT_FALSE(open_when_finished);
  });
}

TEST(connection, has_time_for_last_words_after_force) {
  room r({.silence = 30ms, .linger = 10s, .linger_acknowledged = 10s}, 5s);
  auto c = r.enters();
  c->say("wait\n");
  ASSERT_TRUE(r.guests.wait_for_lines(1));
  r.on_loop([&] { r.set.force_soon(); });
  r.on_loop([&] { r.guests.here.at(0)->answer("503\n"); });
  EXPECT_EQ(c->hear_all(), "503\n");
  EXPECT_EQ(c->heard_error(), 0);
  c->close();
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
}

TEST(connection, without_last_words_is_cut) {
  room r({.silence = 30ms, .linger = 10s, .linger_acknowledged = 10s}, 1ms);
  auto c = r.enters();
  c->say("wait\n");
  ASSERT_TRUE(r.guests.wait_for_lines(1));
  r.on_loop([&] { r.set.force_soon(); });
  EXPECT_EQ(c->hear_all(), "");
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .forced = 1}));
}

/// Whether those who are told in their moments are told all over the window. All else must hold each time.
bool long_lived_are_told_all_over_the_window() {
  room r({.silence = 30ms, .linger = 10s, .linger_acknowledged = 20ms, .jitter = 400ms});
  std::vector<std::unique_ptr<client>> guests;
  for (int i = 0; i < 20; ++i) guests.push_back(r.enters());
  for (auto& c : guests) c->say("stay\n");
  EXPECT_TRUE(r.guests.wait_for_lines(20));
  const time_point began = steady().now();
  r.drain();
  for (auto& c : guests) {
    EXPECT_EQ(c->hear_all(), "told\n");
    c->close();
  }
  EXPECT_EQ(r.ended(20), (connection_ledger{.accepted = 20, .closed_clean = 20}));
  EXPECT_GE(steady().now() - began, 100ms) << "not all at once";
  EXPECT_EQ(r.set.counts().told(), 20U);
  EXPECT_EQ(r.set.counts().told(connection_kind::tcp), 20U);
  std::size_t tenths = 0;
  for (std::size_t i = 0; i < 10; ++i) tenths += r.set.counts().told_in_tenth(i) > 0 ? 1 : 0;
  return tenths >= 4;
}

TEST(connection, that_is_long_lived_is_told_in_its_moment_of_the_window) {
  EXPECT_TRUE(median_says(long_lived_are_told_all_over_the_window));
}

TEST(connection, that_comes_late_is_told_too) {
  room r({.silence = 10s, .linger = 10s, .linger_acknowledged = 20ms, .jitter = 1ms});
  r.drain();
  auto c = r.enters();
  c->say("stay\n");
  EXPECT_EQ(c->hear_all(), "told\n");
}

TEST(connection, is_replaced_by_its_heir_and_stays_one_in_the_ledger) {
  room r;
  auto c = r.enters();
  c->say("replace\nfirst\n");
  EXPECT_EQ(c->hear_until("first\n"), "replace\nfirst\n") << "what came behind is not lost";
  c->say("second\n");
  EXPECT_EQ(c->hear_until("\n"), "second\n");
  r.on_loop([&] {
    EXPECT_EQ(r.set.counts().open(), 1U);
    EXPECT_EQ(r.set.counts().open(connection_kind::tcp), 0U);
    EXPECT_EQ(r.set.counts().open(connection_kind::websocket), 1U);
  });
  c->say("bye\n");
  EXPECT_EQ(c->hear_all(), "bye\n");
  c->close();
  EXPECT_EQ(r.ended(1), (connection_ledger{.accepted = 1, .closed_clean = 1}));
  r.on_loop([&] { EXPECT_EQ(r.set.counts().open(connection_kind::websocket), 0U); });
}

TEST(connection, that_was_replaced_during_a_drain_leaves_an_heir_that_drains) {
  room r({.silence = 20s, .linger = 10s, .linger_acknowledged = 20ms});
  auto c = r.enters();
  r.drain();
  c->say("replace\nstay\n");
  EXPECT_EQ(c->hear_all(), "replace\ntold\n");
  EXPECT_TRUE(r.guests.wait_until([](house& h) { return h.drains == 2; }));
}

}  // namespace lastcall::net::connection_test
