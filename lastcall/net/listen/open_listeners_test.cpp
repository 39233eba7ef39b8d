// Sockets that go from one server to the next. Two servers of one process stand for two processes: each has descriptors
// of its own, and the kernel sees no difference.
#include "lastcall/net/listen/open_listeners.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
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
      : sockets(open_listeners(options, count, {.by = steady().now() + 20s})),
        shared_(detail::shared(sockets.front())) {
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
    open_listeners(options, 1, {.by = steady().now() + 20s});
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
  std::atomic<bool> started{false};
  std::thread starting([&] {
    next.emplace(overlapping(where));
    started = true;
  });
  pollfd door{.fd = detail::shared(last.sockets.front())->door(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&door, 1, 20'000), 1) << "it asks";
  EXPECT_FALSE(started) << "it neither got the socket that is about to close, nor opened one beside it";
  last.closes();
  starting.join();
  EXPECT_EQ(connects(where), 0);
  EXPECT_EQ(next->accepts_all(), 1u);
}

TEST(open_listeners, lets_many_that_start_at_once_share_one_queue) {
  const endpoint where = endpoint_of("unix:@lastcall-at-once-" + std::to_string(::getpid()), 0);
  for (const bool successor : {false, true}) {
    endpoint at = where;
    if (successor) at = listener({.where = any_port}).local();  // a port that is free now
    std::optional<process> all[8];
    std::latch ready(std::size(all));
    std::vector<std::thread> starting;
    for (auto& each : all)
      starting.emplace_back([&] {
        ready.arrive_and_wait();
        each.emplace(listener_options{.where = at, .successor = successor, .overlap = true});
      });
    for (std::thread& each : starting) each.join();
    unique_fd clients[16];
    for (unique_fd& each : clients) ASSERT_EQ(connects(at, each), 0);
    EXPECT_EQ(all[3]->accepts_all(), std::size(clients)) << "there is one queue, with successor, too";
    for (std::size_t i = 1; i < std::size(all); ++i) EXPECT_EQ(all[i]->leaves(), closing_way::leave);
    EXPECT_NE(all[0]->leaves(), closing_way::leave);
  }
}

/// With another order the clients of such a socket would be reset as soon as the door turns out to be taken.
TEST(open_listeners, opens_no_socket_before_it_has_the_door) {
  const auto port = static_cast<std::uint16_t>(1024 + ::getpid() % 60'000);
  const endpoint where = endpoint_of("192.0.2.1", port);  // not of this machine, so a socket there would fail at once
  const unique_fd door(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const std::string name = "lastcall/" + to_text(where);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  name.copy(at.sun_path + 1, sizeof at.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::bind(door.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);  // and does not listen yet
  EXPECT_THAT(failure(overlapping(where)), HasSubstr("another socket has the name @" + name));
}

TEST(open_listeners, goes_on_with_the_others_when_one_of_its_sockets_was_shut_down) {
  process first(overlapping(any_port), 3);
  ::shutdown(first.sockets[1].fd(), SHUT_RD);
  first.sockets[1].close();
  EXPECT_FALSE(detail::shared(first.sockets[0])->left());
  process second(overlapping(first.where()));
  EXPECT_EQ(second.sockets.size(), 2u);
  EXPECT_EQ(first.leaves(), closing_way::leave);
  first.closes();
  EXPECT_EQ(connects(second.where()), 0);
  EXPECT_EQ(second.leaves(), closing_way::unplug);
}

/// A folder of its own, gone at the end.
struct folder {
  explicit folder(const std::string& of) : path("/tmp/lastcall-" + of + '-' + std::to_string(::getpid())) {
    std::filesystem::create_directory(path);
  }
  ~folder() { std::filesystem::remove_all(path); }
  endpoint file() const { return endpoint_of("unix:" + path + "/socket", 0); }
  const std::string path;
};

TEST(open_listeners, knows_a_file_by_its_folder_whatever_its_name) {
  const folder real("real");
  const std::string link = real.path + "-link";
  std::filesystem::create_directory_symlink(real.path, link);
  process first(overlapping(real.file()));
  process second(overlapping(endpoint_of("unix:" + link + "/socket", 0)));
  std::filesystem::remove(link);
  EXPECT_EQ(first.leaves(), closing_way::leave);
  EXPECT_EQ(connects(real.file()), 0);
  EXPECT_EQ(second.accepts_all(), 1u);
}

/// As in another mount namespace: the same text, another folder.
TEST(open_listeners, does_not_take_another_folders_socket_of_the_same_name) {
  const folder here("same");
  process first(overlapping(here.file()));
  const std::string moved = here.path + "-moved";
  std::filesystem::rename(here.path, moved);
  std::filesystem::create_directory(here.path);
  process second(overlapping(here.file()));
  EXPECT_EQ(connects(here.file()), 0);
  EXPECT_EQ(first.accepts_all(), 0u);
  EXPECT_EQ(second.accepts_all(), 1u);
  EXPECT_EQ(second.leaves(), closing_way::remove_path) << "nobody else serves it";
  EXPECT_EQ(first.leaves(), closing_way::remove_path);
  std::filesystem::remove_all(moved);
}

TEST(open_listeners, refuses_a_socket_whose_file_was_replaced) {
  const folder here("replaced");
  process first(overlapping(here.file()));
  const std::string path(here.file().path());
  for (const bool replaced : {false, true}) {
    std::filesystem::remove(path);
    std::optional<listener> other;
    if (replaced) other.emplace(listener_options{.where = here.file()});
    EXPECT_THAT(failure(overlapping(here.file())), HasSubstr("was removed or replaced; stop that process first"));
  }
  EXPECT_EQ(first.leaves(), closing_way::remove_path) << "nobody has got it";
}

TEST(open_listeners, says_what_is_wrong_when_the_other_did_not_ask_for_it) {
  const listener plain({.where = any_port});
  EXPECT_THAT(failure(overlapping(plain.local())),
              HasSubstr("a process without overlap listens there, or one with the address in other words"));
  const process shared(overlapping(any_port));
  EXPECT_THAT(failure({.where = shared.where()}), HasSubstr("another socket listens there; stop its process"));
}

}  // namespace lastcall::net::open_listeners_test
