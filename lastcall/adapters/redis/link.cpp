#include "lastcall/adapters/redis/link.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "lastcall/adapters/redis/address.hpp"
#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0::redis::detail {

namespace {

std::string text_of(int number) { return std::generic_category().message(number); }

/// True: something is ready. False: `by` has passed.
bool wait_for(int fd, short events, int wake, time_point by) noexcept {
  pollfd watched[]{{.fd = fd, .events = events, .revents = 0}, {.fd = wake, .events = POLLIN, .revents = 0}};
  for (;;) {
    int timeout = -1;
    if (by != time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(by - steady().now()).count();
      timeout = static_cast<int>(std::clamp<long>(left, 0, std::numeric_limits<int>::max()));
    }
    const int ready = poll(watched, 2, timeout);
    if (ready > 0) return watched[1].revents == 0;
    if (ready == 0 && timeout >= 0 && steady().now() >= by) return false;
    if (ready < 0 && errno != EINTR) return true;  // the next step says what is wrong
  }
}

struct resolved {
  ~resolved() {
    if (all != nullptr) freeaddrinfo(all);
  }
  addrinfo* all = nullptr;
};

/// Connected, or -1 and why not. ETIMEDOUT: `by` has passed, or `wake` was told.
int connected(int family, const sockaddr* to, socklen_t length, time_point by, int wake, int& why) {
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    why = errno;
    return -1;
  }
  why = connect(fd, to, length) == 0 ? 0 : errno;
  if (why == EINPROGRESS) {
    why = ETIMEDOUT;
    if (wait_for(fd, POLLOUT, wake, by)) {
      socklen_t size = sizeof why;
      if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
    }
  }
  if (why == 0) return fd;
  close(fd);
  return -1;
}

/// A server that vanishes without a word is found after half a minute, also by one that only listens.
void keep_alive(int fd) noexcept {
  const auto set = [fd](int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

result<int, error> connect_socket(const connection_options& how, time_point by, int wake) {
  const address to = parse_address(how.url);
  const auto refused = [&](const std::string& where, const std::string& why) {
    return error(error::reason::connection, how.name + ": no connection to " + where + ": " + why);
  };
  int fd = -1;
  int why = 0;
  if (!to.path.empty()) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, to.path.data(), to.path.size());
    fd = connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&at), sizeof at, by, wake, why);
    if (fd < 0 && why != ETIMEDOUT) return refused(to.path, text_of(why));
  } else {
    resolved found;
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
    const int failed = getaddrinfo(to.host.c_str(), to.port.c_str(), &wanted, &found.all);
    const std::string where = to.host + " port " + to.port;
    if (failed != 0) return refused(where, failed == EAI_SYSTEM ? text_of(errno) : gai_strerror(failed));
    for (const addrinfo* at = found.all; at != nullptr && fd < 0; at = at->ai_next) {
      if (steady().now() >= by) why = ETIMEDOUT;
      if (at != found.all && why == ETIMEDOUT) break;
      fd = connected(at->ai_family, at->ai_addr, at->ai_addrlen, by, wake, why);
    }
    if (fd < 0 && why != ETIMEDOUT) return refused(where, text_of(why));
    if (fd >= 0) keep_alive(fd);
  }
  if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);  // for calls of hiredis; ours say MSG_DONTWAIT
  return fd;
}

link::link(const connection_options& with, std::shared_ptr<link_group> of)
    : how(with),
      group(std::move(of)),
      wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wakes(life.forced_token(), [fd = wake] { eventfd_write(fd, 1); }) {}

link::~link() {
  if (native != nullptr) redisFree(native);
  if (wake >= 0) close(wake);
}

result<redisReply*, error> link::parsed() {
  void* next = nullptr;
  if (redisReaderGetReply(native->reader, &next) != REDIS_OK) return broken(native->reader->errstr);
  return static_cast<redisReply*>(next);
}

result<std::size_t, error> link::sent(std::string_view text) {
  for (;;) {
    const ssize_t bytes = send(native->fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (bytes >= 0) return static_cast<std::size_t>(bytes);
    if (errno == EAGAIN) return std::size_t{0};
    if (errno != EINTR) return broken(text_of(errno));
  }
}

result<bool, error> link::received() {
  char bytes[16 * 1024];
  for (;;) {
    const ssize_t count = recv(native->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count > 0) {
      if (redisReaderFeed(native->reader, bytes, static_cast<std::size_t>(count)) != REDIS_OK)
        return broken(native->reader->errstr);
      return true;
    }
    if (count == 0) return broken("the server has closed it");
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return broken(text_of(errno));
  }
}

bool link::wait(bool to_write, time_point by) const noexcept {
  return wait_for(native->fd, static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN), wake, by);
}

void link::calm() noexcept {
  eventfd_t told = 0;
  eventfd_read(wake, &told);
  if (life.forced()) eventfd_write(wake, 1);
}

error link::broken(std::string_view why) {
  given_up = true;
  if (!std::exchange(told_lost, true)) group->lost.fetch_add(1, std::memory_order_relaxed);
  return {error::reason::connection, how.name + ": the connection was lost: " + std::string(why)};
}

error link::ended(const context& with, std::string_view label, const char* what) const {
  const bool late = with.cause() == cause::deadline || (!with.forced() && !life.forced());
  std::string text = how.name + ": " + std::string(label) + what + ": ";
  if (late) return {error::reason::deadline, text + "no time is left"};
  if (!with.forced()) return {error::reason::forced, text + "by force"};
  return {error::reason::forced, text + "its context was forced (" + std::string(to_text(with.cause())) + ")"};
}

}  // namespace lastcall::inline v0::redis::detail
