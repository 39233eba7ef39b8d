// Thousands of connections on one thread, for what many long-lived clients hear. Knows no protocol; whoever uses it
// looks at the bytes.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace process_tests {

/// Threads: one.   Blocks: `run`, until its deadline at the latest.
class many_clients {
 public:
  enum class ended : unsigned char { open, fin, rst };

  /// Errors: std::system_error.
  many_clients(const lastcall::testing::server_address& to, std::size_t count)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)), fds_(count, -1), ends_(count, ended::open) {
    for (std::size_t i = 0; i < count; ++i) {
      fds_[i] = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (fds_[i] < 0 || ::connect(fds_[i], reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0)
        throw std::system_error(errno, std::generic_category(), "client " + std::to_string(i));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fds_[i], &event);
    }
    open_ = count;
  }
  ~many_clients() {
    for (const int fd : fds_)
      if (fd >= 0) ::close(fd);
    ::close(epoll_);
  }
  many_clients(const many_clients&) = delete;
  many_clients& operator=(const many_clients&) = delete;

  std::size_t size() const noexcept { return fds_.size(); }
  std::size_t open() const noexcept { return open_; }
  ended end_of(std::size_t who) const noexcept { return ends_[who]; }
  std::size_t count(ended how) const noexcept {
    std::size_t n = 0;
    for (const ended each : ends_) n += each == how ? 1 : 0;
    return n;
  }

  /// False: the server's end came in between. Little at a time: it may block.
  bool send(std::size_t who, std::string_view bytes) {
    return fds_[who] >= 0 &&
           ::send(fds_[who], bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }

  /// Our FIN; what the server sends is still heard.
  void finish(std::size_t who) {
    if (fds_[who] >= 0) ::shutdown(fds_[who], SHUT_WR);
  }

  /// Until `enough()`, which is asked after each batch, or all have ended. `heard(who, bytes)`; `over(who)` at its end,
  /// when it is closed from this side too. False: `by` passed first.
  template <class Heard, class Over, class Enough>
  bool run(lastcall::deadline by, Heard heard, Over over, Enough enough) {
    static char bytes[64 * 1024];
    epoll_event events[256];
    while (open_ > 0 && !enough()) {
      const auto left = by.remaining(std::chrono::steady_clock::now());
      if (left <= left.zero()) return false;
      const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      const int n = ::epoll_wait(epoll_, events, 256, static_cast<int>(ms));
      for (int i = 0; i < n; ++i) {
        const std::size_t who = events[i].data.u64;
        const ssize_t got = ::recv(fds_[who], bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
          heard(who, std::string_view(bytes, static_cast<std::size_t>(got)));
        } else if (got == 0 || errno != EAGAIN) {
          ends_[who] = got == 0 ? ended::fin : ended::rst;
          ::close(std::exchange(fds_[who], -1));
          --open_;
          over(who);
        }
      }
    }
    return true;
  }

 private:
  int epoll_;
  std::vector<int> fds_;
  std::vector<ended> ends_;
  std::size_t open_ = 0;
};

}  // namespace process_tests
