// The order that makes it lossless: a process that leaves first lets go of its end for writing, and then looks whether
// the pipe has any left. Of two that leave at the same time at least one finds none, and closes without loss; if both
// do, both accept until nobody is in flight. An answer that is on its way holds an end, too.
#include "lastcall/net/listen/overlap.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>

#include "lastcall/net/listen/listener.hpp"

namespace lastcall::inline v0::net {
namespace {

constexpr std::string_view greeting = "lastcall overlap 1";
constexpr std::size_t own_sockets = 3;  // door, reading, writing

/// The same in every build.   Source: FNV-1a, 64 bits.
std::uint64_t short_form(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

/// An abstract name, so nothing is left over when a process is killed. It belongs to the network namespace, as the
/// address does.
struct door_name {
  explicit door_name(const endpoint& where) {
    std::string text = "lastcall/" + to_text(where);
    constexpr std::size_t room = sizeof address.sun_path - 1;
    if (text.size() > room) text = "lastcall/#" + std::to_string(short_form(text));  // a long path
    shown = "@" + text;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, text.data(), text.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&address); }

  sockaddr_un address{};
  socklen_t size = 0;
  std::string shown;
};

[[noreturn]] void fail(int error, const endpoint& where, const std::string& why) {
  throw std::system_error(error, std::generic_category(),
                          "overlap: cannot share the sockets of " + to_text(where) + " (" + why + ')');
}

unique_fd new_door(const endpoint& where) {
  unique_fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) fail(errno, where, "no descriptors left; raise the limit (ulimit -n)");
  return fd;
}

/// The user of the process at the other end; of a listening socket: who opened it.
uid_t user_behind(int fd) noexcept {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 ? who.uid : static_cast<uid_t>(-1);
}

bool readable_by(int fd, time_point by) noexcept {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(by - steady().now()).count();
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

union descriptors {
  char bytes[CMSG_SPACE(sizeof(int) * (overlap::most_sockets + own_sockets))];
  cmsghdr header;
};

/// Every descriptor of a message that is a greeting; none of any other.
std::vector<unique_fd> receive(int from) {
  char text[64];
  iovec piece{.iov_base = text, .iov_len = sizeof text};
  descriptors with;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = with.bytes;
  message.msg_controllen = sizeof with.bytes;
  const ssize_t n = ::recvmsg(from, &message, MSG_CMSG_CLOEXEC);
  std::vector<unique_fd> all;
  if (n <= 0) return all;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
      all.emplace_back(fd);
    }
  }
  if (std::string_view(text, static_cast<std::size_t>(n)) != greeting || (message.msg_flags & MSG_CTRUNC)) all.clear();
  return all;
}

}  // namespace

std::optional<shared_sockets> overlap::ask(const endpoint& where, time_point by) {
  const door_name name(where);
  const unique_fd fd = new_door(where);
  if (::connect(fd.get(), name.get(), name.size) != 0) {
    if (errno == ECONNREFUSED) return std::nullopt;
    fail(errno, where, "the process that serves there takes no question; is its queue full?");
  }
  if (const uid_t user = user_behind(fd.get()); user != ::geteuid() && user != 0)
    fail(EACCES, where,
         "the name " + name.shown + " belongs to user " + std::to_string(user) +
             ", and sockets are only taken from our own; find it with ss -xlp");
  if (!readable_by(fd.get(), by))
    fail(ETIMEDOUT, where, "the process that serves there does not answer; is it stopped?");
  std::vector<unique_fd> all = receive(fd.get());
  if (all.size() <= own_sockets) return std::nullopt;  // it has closed
  shared_sockets got;
  got.writing = std::move(all.back());
  all.pop_back();
  got.reading = std::move(all.back());
  all.pop_back();
  got.door = std::move(all.back());
  all.pop_back();
  for (const unique_fd& each : all)
    if (const auto local = listening_at(each.get()); !local || !(*local == where))
      fail(EPROTO, where, "what was offered there listens elsewhere; are both programs of the same version?");
  got.listeners = std::move(all);
  return got;
}

shared_sockets overlap::offer(const endpoint& where, const std::vector<int>& listeners) {
  if (listeners.size() > most_sockets)
    fail(EINVAL, where,
         std::to_string(listeners.size()) + " sockets are more than one message takes, which is " +
             std::to_string(most_sockets) + "; take fewer threads, or no listener_per_thread");
  const door_name name(where);
  shared_sockets made;
  made.door = new_door(where);
  if (::bind(made.door.get(), name.get(), name.size) != 0 || ::listen(made.door.get(), 64) != 0)
    fail(errno, where, "another socket has the name " + name.shown + "; find it with ss -xlp");
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    fail(errno, where, "no descriptors left; raise the limit (ulimit -n)");
  made.reading.reset(ends[0]);
  made.writing.reset(ends[1]);
  return made;
}

overlap::overlap(shared_sockets shared, const std::vector<int>& listeners, bool taken)
    : shared_(std::move(shared)), open_(listeners.size()), taken_(taken) {
  shared_.listeners.clear();
  for (const int each : listeners) {
    unique_fd copy(::fcntl(each, F_DUPFD_CLOEXEC, 0));
    if (!copy)
      throw std::system_error(errno, std::generic_category(),
                              "overlap: no descriptors left; raise the limit (ulimit -n)");
    shared_.listeners.push_back(std::move(copy));
  }
}

void overlap::answer() noexcept {
  for (int most = 16; most > 0; --most) {
    const std::lock_guard lock(mutex_);
    if (last_) return;
    const unique_fd asking(::accept4(shared_.door.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!asking) return;
    const uid_t user = user_behind(asking.get());
    if (user == user_ || user == 0) send_to(asking.get());
  }
}

/// Never blocks: a new connection has room for one short message.
void overlap::send_to(int asking) const noexcept {
  std::array<int, most_sockets + own_sockets> all{};
  std::size_t count = 0;
  for (const unique_fd& each : shared_.listeners) all[count++] = each.get();
  for (const unique_fd* each : {&shared_.door, &shared_.reading, &shared_.writing}) all[count++] = each->get();
  std::array<char, greeting.size()> text{};
  std::copy(greeting.begin(), greeting.end(), text.begin());
  iovec piece{.iov_base = text.data(), .iov_len = text.size()};
  descriptors with{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = with.bytes;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * count);
  std::memcpy(CMSG_DATA(header), all.data(), sizeof(int) * count);
  ::sendmsg(asking, &message, MSG_NOSIGNAL | MSG_DONTWAIT);  // what fails, the other finds out
}

bool overlap::leave() noexcept {
  const std::lock_guard lock(mutex_);
  if (last_) return *last_;
  shared_.listeners.clear();
  shared_.writing.reset();
  // A child of ours between fork and exec, and a process that is being ended, hold the other end for a moment.
  constexpr int moment_ms = 20;
  pollfd others{.fd = shared_.reading.get(), .events = 0, .revents = 0};
  last_ = ::poll(&others, 1, moment_ms) > 0 && (others.revents & POLLHUP) != 0;
  return *last_;
}

void overlap::closed_one() noexcept {
  const std::lock_guard lock(mutex_);
  if (--open_ == 0) shared_ = {};
}

bool overlap::left() const noexcept {
  const std::lock_guard lock(mutex_);
  return last_.has_value();
}

}  // namespace lastcall::inline v0::net
