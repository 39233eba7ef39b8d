// Sockets that go from one server to the next. Two servers of one process stand for two processes: each has descriptors
// of its own, and the kernel sees no difference.
#include "lastcall/net/listen/open_listeners.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <latch>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "lastcall/net/listen/overlap.hpp"

namespace lastcall::net::open_listeners_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const endpoint any_port = endpoint_of("127.0.0.1", 0);

listener_options overlapping(endpoint where) { return {.where = std::move(where), .overlap = true}; }

/// A process that serves: its sockets, and a thread that answers at the door, as an acceptor does.
class process {
 public:
  explicit process(const listener_options& options, std::size_t count = 1)
      : sockets(open_listeners(options, count)), shared_(sockets.front().shared()) {
    answering_ = std::thread([this] {
      while (!gone_) {
        pollfd door{.fd = shared_->door(), .events = POLLIN, .revents = 0};
        if (::poll(&door, 1, 5) > 0) shared_->answer();
        if (shared_->left()) return;
      }
    });
  }
  ~process() { stop_answering(); }

  /// The way in which it closes, of all its sockets.
  closing_way leaves() {
    closing_way way{};
    for (listener& each : sockets) way = each.begin_close();
    return way;
  }
  void closes() {
    stop_answering();
    for (listener& each : sockets) each.close();
  }
  endpoint where() const { return sockets.front().local(); }
  std::size_t accepts_all() {
    std::size_t count = 0;
    for (listener& each : sockets)
      while (each.accept_one()) ++count;
    return count;
  }

  std::vector<listener> sockets;

 private:
  void stop_answering() {
    gone_ = true;
    if (answering_.joinable()) answering_.join();
  }
  overlap* shared_;
  std::atomic<bool> gone_{false};
  std::thread answering_;
};

/// 0, or what connect said.
int connects(const endpoint& to, unique_fd& fd) {
  sockaddr_storage name;
  const socklen_t size = to.fill(name);
  fd.reset(::socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size) == 0 ? 0 : errno;
}

int connects(const endpoint& to) {
  unique_fd fd;
  return connects(to, fd);
}

std::string failure(const listener_options& options) {
  try {
    open_listeners(options, 1);
  } catch (const std::system_error& error) {
    return error.what();
  }
  return "";
}

TEST(open_listeners, gives_the_next_process_the_same_queue) {
  process first(overlapping(any_port));
  unique_fd waiting[3];
  for (unique_fd& each : waiting) ASSERT_EQ(connects(first.where(), each), 0);
  process second(overlapping(first.where()));
  EXPECT_EQ(second.where(), first.where());
  EXPECT_EQ(first.leaves(), closing_way::leave);
  first.closes();
  EXPECT_EQ(connects(second.where(), waiting[0]), 0) << "nobody is refused, and what waited waits on";
  EXPECT_EQ(second.accepts_all(), 4u);
  EXPECT_EQ(second.leaves(), closing_way::unplug) << "the last one closes without loss";
  EXPECT_EQ(connects(second.where()), ECONNREFUSED);
  second.closes();
  process third(overlapping(second.where()));  // the address is free again
  EXPECT_EQ(third.leaves(), closing_way::unplug);
}

TEST(open_listeners, leaves_the_queue_to_the_former_process_if_the_new_one_goes_first) {
  process first(overlapping(any_port));
  {
    process second(overlapping(first.where()));
    EXPECT_EQ(connects(first.where()), 0);
    second.closes();  // without a drain, as when a later component fails to start
  }
  EXPECT_EQ(connects(first.where()), 0);
  EXPECT_EQ(first.accepts_all(), 2u);
  EXPECT_EQ(first.leaves(), closing_way::unplug);
}

TEST(open_listeners, goes_on_through_many_generations) {
  std::optional<process> now;
  now.emplace(overlapping(any_port));
  const endpoint where = now->where();
  unique_fd all[20];
  std::size_t answered = 0;
  for (unique_fd& each : all) {
    process next(overlapping(where));
    ASSERT_EQ(connects(where, each), 0);
    ASSERT_EQ(now->leaves(), closing_way::leave);
    now.reset();
    now.emplace(overlapping(where));  // from next
    ASSERT_EQ(next.leaves(), closing_way::leave);
    answered += now->accepts_all();
  }
  EXPECT_EQ(answered, std::size(all));
  EXPECT_EQ(now->leaves(), closing_way::unplug);
}

TEST(open_listeners, has_at_least_one_of_two_that_leave_at_once_close_without_loss) {
  for (int i = 0; i < 100; ++i) {
    process first(overlapping(any_port)), second(overlapping(first.where()));
    closing_way ways[2]{};
    std::latch both(2);
    std::thread other([&] {
      both.arrive_and_wait();
      ways[1] = second.leaves();
    });
    both.arrive_and_wait();
    ways[0] = first.leaves();
    other.join();
    EXPECT_TRUE(ways[0] == closing_way::unplug || ways[1] == closing_way::unplug) << "somebody has to empty the queue";
  }
}

TEST(open_listeners, shares_all_sockets_of_a_group_whatever_their_number) {
  process first(overlapping(any_port), 3);
  process second(overlapping(first.where()), 2);
  ASSERT_EQ(second.sockets.size(), 3u);
  unique_fd waiting[60];
  for (unique_fd& each : waiting) ASSERT_EQ(connects(first.where(), each), 0);
  EXPECT_EQ(first.leaves(), closing_way::leave);
  first.closes();
  EXPECT_EQ(second.accepts_all(), std::size(waiting));
  EXPECT_EQ(second.leaves(), closing_way::unplug);
}

TEST(open_listeners, shares_unix_domain_sockets_with_and_without_a_file) {
  const std::string path = "/tmp/lastcall-overlap-" + std::to_string(::getpid());
  for (const std::string& name : {path, "@lastcall-overlap-" + std::to_string(::getpid())}) {
    const endpoint where = endpoint_of("unix:" + name, 0);
    process first(overlapping(where));
    listener_options next = overlapping(where);
    if (!where.abstract()) next.unix_mode = 0600;
    process second(next);
    EXPECT_EQ(first.leaves(), closing_way::leave);
    first.closes();
    EXPECT_EQ(connects(where), 0) << "the path is the other's now";
    struct stat entry;
    if (!where.abstract()) {
      ASSERT_EQ(::stat(path.c_str(), &entry), 0);
      EXPECT_EQ(entry.st_mode & 0777U, 0600u);
    }
    EXPECT_EQ(second.accepts_all(), 1u);
    EXPECT_EQ(second.leaves(), closing_way::remove_path);
    EXPECT_NE(connects(where), 0);
    second.closes();
    EXPECT_NE(::stat(path.c_str(), &entry), 0);
  }
}

TEST(open_listeners, waits_for_a_process_that_is_about_to_close) {
  process last(overlapping(any_port));
  const endpoint where = last.where();
  ASSERT_EQ(last.leaves(), closing_way::unplug);
  std::optional<process> next;
  std::thread starting([&] { next.emplace(overlapping(where)); });
  last.closes();
  starting.join();
  EXPECT_EQ(connects(where), 0);
  EXPECT_EQ(next->accepts_all(), 1u);
}

TEST(open_listeners, says_what_is_wrong_when_the_other_did_not_ask_for_it) {
  const listener plain({.where = any_port});
  EXPECT_THAT(failure(overlapping(plain.local())),
              HasSubstr("a process without overlap listens there, or one of another user; stop it, or take another"));
  const process shared(overlapping(any_port));
  EXPECT_THAT(failure({.where = shared.where()}), HasSubstr("another socket listens there; stop its process"));
}

/// As another user, on this thread alone: the kernel has a user for each.
void as_nobody(const std::function<void()>& f) {
  std::thread([&] {
    ASSERT_EQ(::syscall(SYS_setresuid, -1, 65534, -1), 0);
    f();
  }).join();
}

TEST(open_listeners, gives_nothing_to_another_user_and_takes_nothing_from_one) {
  if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root can be another user";
  process ours(overlapping(any_port));
  as_nobody([&] { EXPECT_FALSE(overlap::ask(ours.where(), steady().now() + 20s)); });
  EXPECT_EQ(ours.leaves(), closing_way::unplug) << "nobody else has got it";
  const endpoint where = endpoint_of("127.0.0.1", ours.where().port());
  ours.closes();
  std::optional<shared_sockets> theirs;
  as_nobody([&] { theirs.emplace(overlap::offer(where, {})); });
  EXPECT_THAT(failure(overlapping(where)), HasSubstr("belongs to user 65534, and sockets are only taken from our own"));
}

}  // namespace lastcall::net::open_listeners_test
