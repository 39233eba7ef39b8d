// What is asked and answered at the door, against doors of the test's own that answer wrongly, or not at all.
#include "lastcall/net/listen/overlap.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "lastcall/core/by_median_test.hpp"
#include "lastcall/net/listen/listener.hpp"

namespace lastcall::net::overlap_test {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uid_t somebody = 1234;

/// Nobody listens there.
endpoint unused(const char* name) {
  return endpoint_of("unix:@overlap-" + std::string(name) + '-' + std::to_string(::getpid()), 0);
}

start_wait within(duration time) { return {.by = steady().now() + time}; }

struct failed {
  int error = 0;
  std::string what;
};

failed failure(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    return {error.code().value(), error.what()};
  }
  return {};
}

failed asking(const endpoint& where, const start_wait& wait = within(20s)) {
  return failure([&] {
    shared_sockets got;
    overlap::ask(where, wait, got);
  });
}

/// On this thread alone: the kernel has a user for each.
void as_user(uid_t user, const std::function<void()>& f) {
  std::thread([&] {
    ASSERT_EQ(::syscall(SYS_setresuid, -1, user, -1), 0);
    f();
  }).join();
}

/// Takes one question, and gives an answer of its own.
void answers(int door, const std::string& text, const std::vector<int>& with) {
  pollfd asked{.fd = door, .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&asked, 1, 20'000), 1);
  const unique_fd other(::accept4(door, nullptr, nullptr, SOCK_CLOEXEC));
  std::string words = text;
  iovec piece{.iov_base = words.data(), .iov_len = words.size()};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * 8)]{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!with.empty()) {
    message.msg_control = space;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * with.size());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * with.size());
    std::memcpy(CMSG_DATA(header), with.data(), sizeof(int) * with.size());
  }
  ASSERT_EQ(::sendmsg(other.get(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
}

/// What `ask` says to such an answer.
failed answered(const endpoint& where, const std::string& text, const std::vector<int>& with = {}) {
  const unique_fd door = overlap::open_door(where);
  failed got;
  std::thread asks([&] { got = asking(where); });
  answers(door.get(), text, with);
  asks.join();
  return got;
}

TEST(overlap, finds_nobody_where_nobody_serves) {
  shared_sockets got;
  EXPECT_EQ(overlap::ask(unused("none"), within(20s), got), asked::nobody);
  EXPECT_EQ(overlap::ask(endpoint_of("unix:/no/such/folder/socket", 0), within(20s), got), asked::nobody);
}

TEST(overlap, lets_one_process_have_the_door_and_others_wait_there) {
  const endpoint where = unused("one");
  std::optional<unique_fd> door = overlap::open_door(where);
  EXPECT_EQ(failure([&] { overlap::open_door(where); }).error, EADDRINUSE);
  std::optional<asked> came;
  std::thread asks([&] {
    shared_sockets got;
    came = overlap::ask(where, within(20s), got);
  });
  pollfd waiting{.fd = door->get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&waiting, 1, 20'000), 1);
  door.reset();
  asks.join();
  EXPECT_EQ(came, asked::closed) << "so it asks again";
}

TEST(overlap, says_who_does_not_answer) {
  const endpoint where = unused("silent");
  const unique_fd door = overlap::open_door(where);
  const failed got = asking(where, within(30ms));
  EXPECT_EQ(got.error, ETIMEDOUT);
  EXPECT_THAT(got.what, AllOf(HasSubstr(to_text(where)), HasSubstr("does not answer; is it stopped")));
}

TEST_BY_MEDIAN(overlap, ends_the_wait_at_once_when_the_start_is_told_to_stop) {
  const endpoint where = unused("told");
  const unique_fd door = overlap::open_door(where);
  context_source life;
  failed got;
  time_point ended;
  std::thread asks([&] {
    got = asking(where, {.life = life.get(), .by = steady().now() + 60s});
    ended = steady().now();
  });
  pollfd waiting{.fd = door.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&waiting, 1, 20'000), 1);
  const time_point told = steady().now();
  life.begin_drain(told + 30s);
  asks.join();
  EXPECT_EQ(got.error, ECANCELED) << got.what;
  EXPECT_LT(ended - told, 1s);  // it would wait for 60 s
}

TEST(overlap, names_another_version) {
  const failed got = answered(unused("version"), "lastcall overlap 1", {0, 0, 0, 0});
  EXPECT_EQ(got.error, EPROTO);
  EXPECT_THAT(got.what, HasSubstr("speaks another version of overlap; stop it first"));
}

TEST(overlap, names_what_the_other_could_not_do) {
  const failed crowded = answered(unused("no-room"), "lastcall overlap 2 no " + std::to_string(ETOOMANYREFS));
  EXPECT_EQ(crowded.error, ETOOMANYREFS);
  EXPECT_THAT(crowded.what, HasSubstr("has no descriptors left for it; raise its limit"));
  const failed other = answered(unused("no-idea"), "lastcall overlap 2 no " + std::to_string(EPERM));
  EXPECT_EQ(other.error, EPERM);
  EXPECT_THAT(other.what, HasSubstr("cannot give them away"));
}

TEST(overlap, names_its_own_limit_when_the_sockets_do_not_fit) {
  const endpoint where = unused("limit");
  const unique_fd door = overlap::open_door(where);  // reads what has to be read, too
  failed got;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(unique_fd(::dup(0)).get()) + 2;  // both ends of the question
  std::thread asks([&] {
    ::setrlimit(RLIMIT_NOFILE, &tight);
    got = asking(where);
  });
  answers(door.get(), "lastcall overlap 2 sockets " + to_text(where), {0, 0, 0, 0, 0});
  asks.join();
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(got.error, EMFILE);
  EXPECT_THAT(got.what, HasSubstr("raise our limit"));
}

TEST(overlap, takes_only_what_it_has_asked_for) {
  const endpoint where = unused("elsewhere");
  const listener elsewhere({.where = endpoint_of("127.0.0.1", 0)});
  const std::vector<int> four{elsewhere.fd(), 0, 0, 0};
  const failed other = answered(where, "lastcall overlap 2 sockets " + to_text(elsewhere.local()), four);
  EXPECT_EQ(other.error, ESTALE);
  EXPECT_THAT(other.what, HasSubstr("what was offered there is " + to_text(elsewhere.local())));
  const failed lies = answered(where, "lastcall overlap 2 sockets " + to_text(where), four);
  EXPECT_EQ(lies.error, EPROTO);
  EXPECT_THAT(lies.what, HasSubstr("listens elsewhere, or not at all"));
}

/// What the process that serves `where` says to a user.
std::string told_at(const endpoint& where) {
  const unique_fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const std::string name = "lastcall/" + to_text(where);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  name.copy(at.sun_path + 1, sizeof at.sun_path - 1);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at),
                      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
            0);
  char text[256]{};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * 8)]{};
  iovec piece{.iov_base = text, .iov_len = sizeof text - 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  EXPECT_GT(::recvmsg(fd.get(), &message, MSG_CMSG_CLOEXEC), 0);
  EXPECT_EQ(CMSG_FIRSTHDR(&message), nullptr) << "it got descriptors";
  return text;
}

int held_end = -1;

/// As a child of ours is, between fork and exec. A signal comes amid the wait for it.
TEST(overlap, is_left_by_the_last_process_also_when_a_signal_comes) {
  const endpoint where = unused("signal");
  const listener socket({.where = where});
  shared_sockets shared = overlap::offer(where, overlap::open_door(where), 1);
  held_end = ::fcntl(shared.writing.get(), F_DUPFD_CLOEXEC, 0);
  ASSERT_GE(held_end, 0);
  overlap serves(std::move(shared), std::vector{socket.fd()}, false);
  struct sigaction closes{}, before{};
  closes.sa_handler = [](int) { ::close(held_end); };
  ASSERT_EQ(::sigaction(SIGALRM, &closes, &before), 0);
  const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 2000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &soon, nullptr), 0);
  EXPECT_TRUE(serves.leave());
  ::sigaction(SIGALRM, &before, nullptr);
}

/// Root is no exception, neither as who asks nor as who is asked.
TEST(overlap, gives_nothing_to_another_user_and_takes_nothing_from_one) {
  if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root can be another user";
  const endpoint where = unused("users");
  listener socket({.where = where});
  const auto serve = [&] {
    return std::make_unique<overlap>(overlap::offer(where, overlap::open_door(where), 1), std::vector{socket.fd()},
                                     false);
  };
  const auto check = [&](overlap& serves, uid_t asks, uid_t owner) {
    failed got;
    std::string told;
    as_user(asks, [&] { got = asking(where); });
    EXPECT_EQ(got.error, EACCES);
    EXPECT_THAT(got.what, HasSubstr("belongs to user " + std::to_string(owner) +
                                    ", and sockets are only taken from our own, " + std::to_string(asks)));
    std::atomic<bool> enough{false};
    std::thread answering([&] {
      while (!enough) {
        pollfd door{.fd = serves.door(), .events = POLLIN, .revents = 0};
        if (::poll(&door, 1, 5) > 0) {
          EXPECT_FALSE(serves.answer());
        }
      }
    });
    as_user(asks, [&] { told = told_at(where); });
    enough = true;
    answering.join();
    serves.leave();
    EXPECT_EQ(told, "lastcall overlap 2 no " + std::to_string(EACCES));
    serves.closed_one();
  };
  check(*serve(), somebody, 0);
  std::unique_ptr<overlap> theirs;
  as_user(somebody, [&] { theirs = serve(); });
  check(*theirs, 0, somebody);
}

/// In a user namespace the kernel shows all users without a number there as this one.
TEST(overlap, is_not_for_the_user_that_stands_for_many) {
  if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root can be another user";
  const endpoint where = unused("overflow");
  failed asks, opens;
  as_user(65534, [&] {
    asks = asking(where);
    opens = failure([&] { overlap::open_door(where); });
  });
  for (const failed& each : {asks, opens}) {
    EXPECT_EQ(each.error, EPERM);
    EXPECT_THAT(each.what, HasSubstr("run it as a user of its own, or without overlap"));
  }
}

}  // namespace lastcall::net::overlap_test
