// The order that makes it lossless: a process that leaves first lets go of its end for writing, and then looks whether
// the pipe has any left. Of two that leave at the same time at least one finds none, and closes without loss; if both
// do, both accept until nobody is in flight. An answer that is on its way holds an end, too.
#include "lastcall/net/listen/overlap.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/settle_look.hpp"

namespace lastcall::inline v0::net {
namespace {

using namespace std::chrono_literals;

/// Begins each message. The number changes with the meaning of what follows.
constexpr std::string_view greeting = "lastcall overlap 2 ";
constexpr std::string_view here = "sockets ";  // then the place
constexpr std::string_view refused = "no ";    // then an errno
constexpr std::size_t most_text = 256;
constexpr std::size_t own_sockets = 3;  // door, reading, writing
constexpr auto look_time = 10ms;        // so often a wait looks whether the start is told to stop

[[noreturn]] void refuse(int error, const endpoint& where, const std::string& why) {
  throw std::system_error(error, std::generic_category(),
                          "overlap: cannot share the sockets of " + to_text(where) + " (" + why + ')');
}

/// The same in every build.   Source: FNV-1a, 64 bits.
std::uint64_t short_form(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

bool is_file(const endpoint& where) noexcept { return !where.ip() && !where.abstract(); }

std::string numbers_of(const struct stat& entry) {
  return std::to_string(entry.st_dev) + ':' + std::to_string(entry.st_ino);
}

/// Empty: there is no such file. By its numbers, since the text means another file where other file systems are
/// mounted.
std::string place_of(const endpoint& where) {
  if (!is_file(where)) return to_text(where);
  struct stat entry;
  return ::lstat(std::string(where.path()).c_str(), &entry) == 0 ? numbers_of(entry) : "";
}

/// What the door's name is made of: the address; of a file its folder and its name, since it may not be there yet.
/// Empty, with errno: the folder can't be looked at.
std::string door_text(const endpoint& where) {
  if (!is_file(where)) return to_text(where);
  const std::string path(where.path());
  const auto slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  struct stat entry;
  if (::stat(folder.c_str(), &entry) != 0) return "";
  return "unix:" + numbers_of(entry) + ':' + path.substr(slash + 1);  // npos + 1 is 0
}

/// An abstract name, so nothing is left over when a process is killed. It belongs to the network namespace, as a port
/// does.
struct door_name {
  explicit door_name(std::string_view of) {
    std::string text = "lastcall/" + std::string(of);
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

unique_fd new_seqpacket(const endpoint& where) {
  unique_fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) refuse(errno, where, "no descriptors left; raise the limit (ulimit -n)");
  return fd;
}

/// The user of the process at the other end; of a listening socket: who opened it.
uid_t user_behind(int fd) noexcept {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 ? who.uid : static_cast<uid_t>(-1);
}

/// Stands for all users that have no number in a user namespace.   Source: user_namespaces(7), proc(5).
uid_t overflow_user() {
  static const uid_t user = [] {
    uid_t read = 65534;
    std::ifstream("/proc/sys/kernel/overflowuid") >> read;
    return read;
  }();
  return user;
}

void check_own_user(const endpoint& where) {
  if (::geteuid() == overflow_user())
    refuse(EPERM, where,
           "the kernel shows every user that it has no number for as " + std::to_string(overflow_user()) +
               ", which is ours; run it as a user of its own, or without overlap");
}

void check_told(const endpoint& where, const start_wait& wait) {
  if (wait.life.draining()) refuse(ECANCELED, where, "told to stop while it waited for the process that serves there");
}

/// False: the time is over.   Errors: told to stop.
bool wait_readable(int fd, const endpoint& where, const start_wait& wait) {
  for (;;) {
    check_told(where, wait);
    const time_point now = steady().now();
    const auto most = std::clamp<duration>(wait.by - now, 0ms, look_time);
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&one, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(most).count())) > 0) return true;
    if (now >= wait.by) return false;
  }
}

unique_fd connect_to(const door_name& name, const endpoint& where, const start_wait& wait) {
  for (;;) {
    unique_fd fd = new_seqpacket(where);
    if (::connect(fd.get(), name.get(), name.size) == 0) return fd;
    if (errno == ECONNREFUSED) return {};
    if (errno != EAGAIN) refuse(errno, where, "another socket has the name " + name.shown + "; find it with ss -xlp");
    check_told(where, wait);
    if (steady().now() >= wait.by)
      refuse(ETIMEDOUT, where, "too many processes ask there, and none is answered; is the one that serves stopped?");
    ::poll(nullptr, 0, static_cast<int>(look_time / 1ms));
  }
}

union descriptors {
  char bytes[CMSG_SPACE(sizeof(int) * (overlap::most_sockets + own_sockets))];
  cmsghdr header;
};

struct incoming {
  std::string text;  // empty: the other end was closed
  std::vector<unique_fd> all;
  bool cut = false;  // there are more, for which this process has no room
};

incoming receive(int from, const endpoint& where) {
  char text[most_text];
  iovec piece{.iov_base = text, .iov_len = sizeof text};
  descriptors with;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = with.bytes;
  message.msg_controllen = sizeof with.bytes;
  const ssize_t n = ::recvmsg(from, &message, MSG_CMSG_CLOEXEC);
  if (n < 0 && errno != ECONNRESET) refuse(errno, where, "its answer cannot be read");
  incoming got;
  if (n <= 0) return got;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
      got.all.emplace_back(fd);
    }
  }
  got.text.assign(text, static_cast<std::size_t>(n));
  got.cut = (message.msg_flags & MSG_CTRUNC) != 0;
  return got;
}

[[noreturn]] void refuse_as_told(std::string_view number, const endpoint& where) {
  int error = EPROTO;
  std::from_chars(number.data(), number.data() + number.size(), error);
  if (error == EACCES)
    refuse(error, where,
           "the process that serves there gives them to its own user only, and we are user " +
               std::to_string(::geteuid()) + "; run both as the same user");
  if (error == ETOOMANYREFS)
    refuse(error, where, "the process that serves there has no descriptors left for it; raise its limit (ulimit -n)");
  refuse(error, where, "the process that serves there cannot give them away; stop it first");
}

/// Only what we have asked for.
void check_place(const endpoint& where, const shared_sockets& got) {
  if (got.place != place_of(where))
    refuse(ESTALE, where,
           is_file(where) ? "the file of the process that has the door was removed or replaced; stop that process first"
                          : "what was offered there is " + got.place + "; find its process with ss -xlp");
  for (const unique_fd& each : got.listeners) {
    const auto local = listening_at(each.get());
    if (!local || is_file(*local) != is_file(where) || (!is_file(where) && !(*local == where)))
      refuse(EPROTO, where, "a socket that was offered there listens elsewhere, or not at all; stop its process first");
  }
}

}  // namespace

asked overlap::ask(const endpoint& where, const start_wait& wait, shared_sockets& into) {
  check_own_user(where);
  const std::string named_by = door_text(where);
  if (named_by.empty()) return asked::nobody;
  const door_name name(named_by);
  const unique_fd fd = connect_to(name, where, wait);
  if (!fd) return asked::nobody;
  if (const uid_t user = user_behind(fd.get()); user != ::geteuid())
    refuse(EACCES, where,
           "the name " + name.shown + " belongs to user " + std::to_string(user) +
               ", and sockets are only taken from our own, " + std::to_string(::geteuid()) + "; find it with ss -xlp");
  if (!wait_readable(fd.get(), where, wait))
    refuse(ETIMEDOUT, where, "the process that serves there does not answer; is it stopped, or without descriptors?");
  incoming answer = receive(fd.get(), where);
  std::string_view text = answer.text;
  if (text.empty()) return asked::closed;
  if (!text.starts_with(greeting))
    refuse(EPROTO, where, "the process that serves there speaks another version of overlap; stop it first, this once");
  text.remove_prefix(greeting.size());
  if (text.starts_with(refused)) refuse_as_told(text.substr(refused.size()), where);
  if (answer.cut) refuse(EMFILE, where, "no descriptors left for what was offered there; raise our limit (ulimit -n)");
  if (!text.starts_with(here) || answer.all.size() <= own_sockets)
    refuse(EPROTO, where, "what was offered there are no sockets; find its process with ss -xlp");
  shared_sockets got;
  got.place = text.substr(here.size());
  for (unique_fd* each : {&got.writing, &got.reading, &got.door}) {
    *each = std::move(answer.all.back());
    answer.all.pop_back();
  }
  got.listeners = std::move(answer.all);
  check_place(where, got);
  into = std::move(got);
  return asked::got;
}

unique_fd overlap::open_door(const endpoint& where) {
  check_own_user(where);
  const std::string named_by = door_text(where);
  if (named_by.empty()) refuse(errno, where, "its folder cannot be looked at; does it exist?");
  const door_name name(named_by);
  unique_fd door = new_seqpacket(where);
  if (::bind(door.get(), name.get(), name.size) != 0 || ::listen(door.get(), 64) != 0)
    refuse(errno, where, "another socket has the name " + name.shown + "; find it with ss -xlp");
  return door;
}

shared_sockets overlap::offer(const endpoint& where, unique_fd door, std::size_t listeners) {
  if (listeners > most_sockets)
    refuse(EINVAL, where,
           std::to_string(listeners) + " sockets are more than one message takes, which is " +
               std::to_string(most_sockets) + "; take fewer threads, or no listener_per_thread");
  shared_sockets made;
  made.door = std::move(door);
  made.place = place_of(where);
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    refuse(errno, where, "no descriptors left; raise the limit (ulimit -n)");
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

std::error_code overlap::answer() noexcept {
  for (int most = 16; most > 0; --most) {
    const std::lock_guard lock(mutex_);
    if (last_ || !client_waits(shared_.door.get())) return {};
    const unique_fd asking(::accept4(shared_.door.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!asking && (errno == EAGAIN || errno == EINTR)) continue;  // another process has answered
    if (!asking) return {errno, std::generic_category()};
    send_to(asking.get(), user_behind(asking.get()) == user_);
  }
  return {};
}

/// Never blocks: a new connection has room for one short message.
void overlap::send_to(int asking, bool allowed) const noexcept {
  std::array<int, most_sockets + own_sockets> all{};
  std::size_t count = 0;
  if (allowed)
    for (const unique_fd& each : shared_.listeners)
      if (listens(each.get())) all[count++] = each.get();  // one that was shut down is of no use to anybody
  const bool some = count > 0;
  for (const unique_fd* each : {&shared_.door, &shared_.reading, &shared_.writing}) all[count++] = each->get();

  std::array<char, most_text> text{};
  std::size_t size = 0;
  const auto add = [&](std::string_view more) { size += more.copy(text.data() + size, text.size() - size); };
  iovec piece{.iov_base = text.data(), .iov_len = 0};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  const auto send = [&] {
    piece.iov_len = size;
    return ::sendmsg(asking, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? 0 : errno;
  };
  descriptors with{};
  int error = allowed ? EINVAL : EACCES;
  if (some) {
    add(greeting);
    add(here);
    add(shared_.place);
    message.msg_control = with.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(header), all.data(), sizeof(int) * count);
    if ((error = send()) == 0) return;
  }
  message.msg_control = nullptr;
  message.msg_controllen = 0;
  size = 0;
  add(greeting);
  add(refused);
  size =
      static_cast<std::size_t>(std::to_chars(text.data() + size, text.data() + text.size(), error).ptr - text.data());
  send();  // if that fails, too, the other sees the end
}

bool overlap::leave() noexcept {
  const std::lock_guard lock(mutex_);
  if (last_) return *last_;
  shared_.listeners.clear();
  shared_.writing.reset();
  // A child of ours between fork and exec, and a process that is being ended, hold the other end for a moment.
  const time_point until = steady().now() + 20ms;
  pollfd others{.fd = shared_.reading.get(), .events = 0, .revents = 0};
  int ready = 0;
  do {
    const duration left = std::max(until - steady().now(), duration::zero());
    ready = ::poll(&others, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  } while (ready < 0 && errno == EINTR);
  last_ = ready > 0 && (others.revents & POLLHUP) != 0;
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
