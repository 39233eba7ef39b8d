#include "lastcall/net/listen/acceptor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/net/connection/line_protocol_test.hpp"
#include "lastcall/net/listen/overlap.hpp"

namespace lastcall::net::acceptor_test {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_net::client;

/// An acceptor on a loop that the test itself runs.
struct door {
  explicit door(const listener_options& o = {.where = endpoint_of("127.0.0.1", 0)}) : door(listener(o)) {}
  explicit door(listener socket) {
    loop_.open();
    acceptor_.emplace(
        std::move(socket), loop_, logger(log_level::info, [this](const log_record& r) { heard.emplace_back(r.text); }),
        "door", [this](unique_fd fd, const endpoint&) { taken.push_back(std::move(fd)); },
        [this] { return room > taken.size(); });
    EXPECT_FALSE(acceptor_->begin());
  }
  template <class F> bool run_until(F done) {
    for (const time_point by = steady().now() + 10s; !done() && steady().now() < by;) {
      io.restart();
      io.run_one_for(20ms);
    }
    return done();
  }
  /// How much the loop did, of at most 100 things, without anything new having happened.
  std::size_t busy() {
    std::size_t done = 0;
    for (io.restart(); done < 100 && io.poll_one() == 1; ++done) {}
    return done;
  }
  endpoint where() const { return acceptor_->local(); }
  acceptor* operator->() { return &*acceptor_; }

  boost::asio::io_context io{1};
  loop loop_{io};
  std::vector<std::string> heard;
  std::vector<unique_fd> taken;
  std::size_t room = 1000;
  std::optional<acceptor> acceptor_;
};

/// Leaves the process no descriptor, and gives them back.
class no_descriptors {
 public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const unique_fd next(::dup(0));
    rlimit tight = before_;
    tight.rlim_cur = static_cast<rlim_t>(next.get());
    ::setrlimit(RLIMIT_NOFILE, &tight);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(acceptor, takes_who_comes) {
  door d;
  const client a(d.where()), b(d.where());
  EXPECT_TRUE(d.run_until([&] { return d.taken.size() == 2; }));
}

TEST(acceptor, pauses_without_descriptors_and_goes_on_when_there_are_some) {
  door d;
  // The client's end first: with the limit in force nobody gets a descriptor.
  const client waiting(d.where());
  ASSERT_EQ(waiting.error(), 0);
  {
    const no_descriptors left;
    ASSERT_TRUE(d.run_until([&] { return !d.heard.empty(); }));
    EXPECT_LT(d.busy(), 100U) << "it spins";
    EXPECT_TRUE(d.taken.empty());
  }
  EXPECT_TRUE(d.run_until([&] { return d.taken.size() == 1; })) << "the client waited in the queue";
  EXPECT_THAT(d.heard, ElementsAre(HasSubstr("accepting pauses")));
}

TEST_BY_MEDIAN(acceptor, says_at_most_once_a_second_that_it_pauses) {
  door d;
  const client waiting(d.where());
  const no_descriptors left;
  const time_point begin = steady().now();
  d.run_until([&] { return steady().now() - begin > 300ms; });  // six pauses
  EXPECT_EQ(d.heard.size(), 1U);
}

TEST(acceptor, pauses_when_the_server_is_full) {
  door d;
  d.room = 1;
  const client a(d.where()), b(d.where());
  ASSERT_TRUE(d.run_until([&] { return !d.heard.empty(); }));
  EXPECT_EQ(d.taken.size(), 1U);
  d.room = 1000;
  EXPECT_TRUE(d.run_until([&] { return d.taken.size() == 2; }));
}

TEST(acceptor, takes_its_whole_queue_before_it_closes) {
  door d;
  std::vector<std::unique_ptr<client>> queue;
  for (int i = 0; i < 100; ++i) queue.push_back(std::make_unique<client>(d.where()));
  const endpoint where = d.where();
  d->unplug(closing_way::unplug);
  EXPECT_EQ(client(where).error(), ECONNREFUSED);
  bool closed = false;
  d->settle({}, steady().now() + 10s, [&] { closed = true; });
  ASSERT_TRUE(d.run_until([&] { return closed; }));
  EXPECT_EQ(d.taken.size(), 100U);
  EXPECT_FALSE(d->open());
  EXPECT_EQ(d->end()->way, closing_way::unplug);
  EXPECT_EQ(d->end()->given_up, 0U);
}

TEST(acceptor, serves_with_its_spare_descriptor_who_waits_at_the_end) {
  door d;
  const client waiting(d.where());
  const no_descriptors left;
  ASSERT_TRUE(d.run_until([&] { return !d.heard.empty(); }));
  EXPECT_TRUE(d.taken.empty());
  d->unplug(closing_way::unplug);
  bool closed = false;
  d->settle({}, steady().now() + 10s, [&] { closed = true; });
  ASSERT_TRUE(d.run_until([&] { return closed; }));
  EXPECT_EQ(d.taken.size(), 1U);
  EXPECT_EQ(d->end()->settled, settle_end::settled);
  EXPECT_EQ(d->end()->reset, 0U);
}

TEST(acceptor, ends_at_once_without_descriptors_when_nobody_waits) {
  door d;
  const no_descriptors left;
  d->unplug(closing_way::unplug);
  bool closed = false;
  const time_point begin = steady().now();
  d->settle({}, begin + 60s, [&] { closed = true; });
  ASSERT_TRUE(d.run_until([&] { return closed; }));
  EXPECT_EQ(d->end()->settled, settle_end::settled) << "it could look: the socket for that was there";
  EXPECT_LT(d->end()->took, 1s) << "which is the wait without a look";
}

TEST(acceptor, settles_also_while_it_pauses) {
  door d;
  const client waiting(d.where()), another(d.where());
  std::optional<no_descriptors> left(std::in_place);
  ASSERT_TRUE(d.run_until([&] { return !d.heard.empty(); }));
  d->unplug(closing_way::unplug);
  bool closed = false;
  d->settle({}, steady().now() + 10s, [&] { closed = true; });
  ASSERT_TRUE(d.run_until([&] { return !d.taken.empty(); }));
  d.run_until([&] { return d.busy() == 0; });
  EXPECT_FALSE(closed) << "a client still waits in the queue";
  left.reset();
  ASSERT_TRUE(d.run_until([&] { return closed; }));
  EXPECT_EQ(d.taken.size(), 2U);
}

TEST(acceptor, counts_whom_it_gives_up_at_the_drain_end) {
  door d;
  const client waiting(d.where()), another(d.where()), third(d.where());
  const no_descriptors left;
  ASSERT_TRUE(d.run_until([&] { return !d.heard.empty(); }));
  d->unplug(closing_way::accept_until_empty);
  bool closed = false;
  d->settle({}, steady().now() + 20ms, [&] { closed = true; });
  EXPECT_TRUE(d.run_until([&] { return closed; }));
  EXPECT_EQ(d->end()->settled, settle_end::stuck);
  EXPECT_EQ(d.taken.size(), 1U);
  EXPECT_EQ(d->end()->reset, 2U);
}

TEST(acceptor, closes_at_once_when_plain) {
  door d;
  d->unplug(closing_way::plain);
  bool closed = false;
  d->settle({}, steady().now() + 10s, [&] { closed = true; });
  EXPECT_TRUE(closed);
  EXPECT_EQ(client(d.where()).error(), ECONNREFUSED);
}

TEST(acceptor, still_says_that_it_closed_when_it_is_cut_while_settling) {
  door d;
  d->unplug(closing_way::unplug);
  int closed = 0;
  d->settle({.floor = 5s}, steady().now() + 10s, [&] { ++closed; });
  EXPECT_EQ(closed, 0);
  d->close();
  EXPECT_EQ(closed, 1);
  d->close();
  EXPECT_EQ(closed, 1);
  d->settle({}, steady().now() + 10s, [&] { ++closed; });
  EXPECT_EQ(closed, 2) << "asked again, it is closed already";
}

TEST(acceptor, removes_the_path_first_and_serves_who_had_connected) {
  const std::string path = ::testing::TempDir() + "acceptor-" + std::to_string(::getpid());
  door d({.where = endpoint_of("unix:" + path, 0)});
  const client a(d.where());
  ASSERT_EQ(a.error(), 0);
  d->unplug(closing_way::unplug);
  EXPECT_FALSE(std::filesystem::exists(path));
  bool closed = false;
  d->settle({}, steady().now() + 10s, [&] { closed = true; });
  EXPECT_TRUE(d.run_until([&] { return closed; }));
  EXPECT_EQ(d.taken.size(), 1U);
  EXPECT_EQ(d->end()->way, closing_way::remove_path);
}

TEST(acceptor, says_that_a_path_cannot_be_removed_and_lets_no_new_client_in) {
  for (const auto left : {std::filesystem::perms(0555), std::filesystem::perms(0)}) {
    const std::string folder = ::testing::TempDir() + "acceptor-closed-" + std::to_string(::getpid());
    std::filesystem::create_directory(folder);
    door d({.where = endpoint_of("unix:" + folder + "/path", 0)});
    const client before(d.where());
    ASSERT_EQ(before.error(), 0);
    std::filesystem::permissions(folder, left);
    const bool root = ::geteuid() == 0;
    ASSERT_EQ(root ? ::seteuid(65534) : 0, 0);  // as a service that has dropped its privileges
    d->unplug(closing_way::unplug);
    ASSERT_EQ(root ? ::seteuid(0) : 0, 0);
    EXPECT_TRUE(std::filesystem::exists(folder + "/path"));
    EXPECT_THAT(d.heard, ElementsAre(HasSubstr("can't be removed")));
    EXPECT_EQ(client(d.where()).error(), ECONNREFUSED);
    bool closed = false;
    d->settle({}, steady().now() + 10s, [&] { closed = true; });
    EXPECT_TRUE(d.run_until([&] { return closed; }));
    EXPECT_EQ(d.taken.size(), 1U) << "it had connected before";
    EXPECT_EQ(d->end()->path_left, std::make_error_code(std::errc::permission_denied).message());
    std::filesystem::permissions(folder, std::filesystem::perms(0755));
    std::filesystem::remove_all(folder);
  }
}

TEST(acceptor, lets_no_new_client_in_by_another_name_and_leaves_what_took_its_place) {
  const std::string path = ::testing::TempDir() + "acceptor-moved-" + std::to_string(::getpid());
  const std::string moved = path + "-away";
  door d({.where = endpoint_of("unix:" + path, 0)});
  const client before(d.where());
  ASSERT_EQ(before.error(), 0);
  std::filesystem::rename(path, moved);
  const listener next({.where = endpoint_of("unix:" + path, 0)});  // as the next version of the service
  d->unplug(closing_way::unplug);
  EXPECT_EQ(client(endpoint_of("unix:" + moved, 0)).error(), ECONNREFUSED);
  bool closed = false;
  d->settle({}, steady().now() + 10s, [&] { closed = true; });
  EXPECT_TRUE(d.run_until([&] { return closed; }));
  EXPECT_EQ(d.taken.size(), 1U) << "it had connected before";
  EXPECT_EQ(d->end()->path_left, "") << "what is there now is not ours";
  EXPECT_EQ(client(next.local()).error(), 0);
  std::filesystem::remove(moved);
}

TEST(acceptor, is_not_woken_any_more_by_clients_of_a_listener_that_it_left_to_its_owner) {
  const listener owners({.where = endpoint_of("127.0.0.1", 0)});
  door d({.inherited_fd = ::fcntl(owners.fd(), F_DUPFD_CLOEXEC, 0)});
  d->unplug(closing_way::unplug);
  EXPECT_EQ(d->way(), closing_way::leave);
  bool closed = false;
  d->settle({}, steady().now() + 10s, [&] { closed = true; });
  EXPECT_TRUE(closed);
  d.busy();
  const client for_the_owner(owners.local());
  EXPECT_EQ(for_the_owner.error(), 0);
  EXPECT_EQ(d.busy(), 0U);
  EXPECT_TRUE(d.taken.empty());
}

TEST(acceptor, says_that_it_left_a_socket_also_when_it_was_closed_at_once) {
  const listener owners({.where = endpoint_of("127.0.0.1", 0)});
  door d({.inherited_fd = ::fcntl(owners.fd(), F_DUPFD_CLOEXEC, 0)});
  d->close();
  EXPECT_EQ(d->end()->way, closing_way::leave);
}

/// As of a process that would be the last to leave.
listener offered(listener socket) {
  const endpoint where = socket.local();
  detail::share(socket, std::make_shared<overlap>(overlap::offer(where, overlap::open_door(where), 1),
                                                  std::vector{socket.fd()}, false));
  return socket;
}

TEST(acceptor, answers_a_process_as_soon_as_there_are_descriptors_and_does_not_spin) {
  door d(offered(listener({.where = endpoint_of("127.0.0.1", 0)})));
  const unique_fd asks(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const std::string name = "lastcall/" + to_text(d.where());
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  name.copy(at.sun_path + 1, sizeof at.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::connect(asks.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
  {
    const no_descriptors left;
    ASSERT_TRUE(d.run_until([&] { return !d.heard.empty(); }));
    EXPECT_LT(d.busy(), 100U) << "it spins";
    d.run_until([rounds = 0]() mutable { return ++rounds > 10; });
  }
  char text[256];
  ssize_t n = -1;
  EXPECT_TRUE(d.run_until([&] { return n > 0 || (n = ::recv(asks.get(), text, sizeof text, MSG_DONTWAIT)) > 0; }));
  EXPECT_THAT(std::string(text, static_cast<std::size_t>(std::max<ssize_t>(n, 0))), HasSubstr(to_text(d.where())));
  EXPECT_THAT(d.heard, ElementsAre(HasSubstr("a process that asks for the sockets waits"))) << "it is said once";
}

/// Of two that leave at the same moment both may find no other, and both empty the queue. One is the first to close.
TEST(acceptor, ends_quietly_when_another_that_left_too_was_the_first_to_close) {
  listener own({.where = endpoint_of("127.0.0.1", 0)});
  const int shared = ::fcntl(own.fd(), F_DUPFD_CLOEXEC, 0);
  door first(offered(std::move(own)));
  listener copy(unique_fd(shared), {.where = first.where()});
  detail::share(
      copy, std::make_shared<overlap>(overlap::offer(first.where(), overlap::open_door(endpoint_of("127.0.0.1", 1)), 1),
                                      std::vector{shared}, false));
  door second(std::move(copy));
  const client waiting(first.where());
  first->unplug(closing_way::unplug);
  second->unplug(closing_way::unplug);
  EXPECT_EQ(second->way(), closing_way::unplug);
  bool first_closed = false, second_closed = false;
  first->settle({}, steady().now() + 20s, [&] { first_closed = true; });
  second->settle({.floor = 15s}, steady().now() + 20s, [&] { second_closed = true; });
  ASSERT_TRUE(first.run_until([&] { return first_closed; }));
  ASSERT_TRUE(second.run_until([&] { return second_closed; }));
  EXPECT_EQ(first.taken.size() + second.taken.size(), 1U);
  EXPECT_EQ(second->end()->way, closing_way::unplug);
  EXPECT_TRUE(second->end()->known);
  EXPECT_THAT(second.heard, ElementsAre());
}

}  // namespace lastcall::net::acceptor_test
