// The limit that our server is measured against: one thread, one edge-triggered epoll set, a fixed response of the
// testbed's size to each blank line. It parses nothing, bounds nothing, counts nothing, and loses work when it is
// killed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Length: 6\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\nhello\n";

int listen_on_loopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool listens = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0 && ::listen(fd, 4096) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  if (!listens) {
    std::perror("raw_epoll");
    std::exit(1);
  }
  std::printf("listening on http://127.0.0.1:%d\n", ntohs(at.sin_port));
  std::fflush(stdout);
  return fd;
}

class server {
 public:
  int run() {
    watch(listener_, EPOLLIN | EPOLLET);
    epoll_event events[64];
    for (;;) {
      const int count = ::epoll_wait(epoll_, events, 64, -1);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_)
          accept_all();
        else
          serve(events[i].data.fd, events[i].events);
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all() {
    for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (rests_.size() <= static_cast<std::size_t>(fd)) rests_.resize(static_cast<std::size_t>(fd) + 1);
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  void serve(int fd, std::uint32_t events) {
    std::string& rest = rests_[static_cast<std::size_t>(fd)];  // of a head that came in pieces
    const bool ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    for (ssize_t n = 0; (events & EPOLLIN || ending) && (n = ::recv(fd, buffer_, sizeof buffer_, 0)) != -1;) {
      if (n == 0) return close(fd);
      std::string_view bytes(buffer_, static_cast<std::size_t>(n));
      if (!rest.empty()) bytes = rest.append(bytes);
      std::string out;
      std::size_t end;
      while ((end = bytes.find("\r\n\r\n")) != bytes.npos) {
        bytes.remove_prefix(end + 4);
        if (bytes.empty() && out.empty()) {
          if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return close(fd);
        } else {
          out += answer;
        }
      }
      if (!out.empty() && ::send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) return close(fd);
      rest = std::string(bytes);
      if (static_cast<std::size_t>(n) < sizeof buffer_ && !ending) return;
    }
    if (ending) close(fd);
  }

  void close(int fd) {
    rests_[static_cast<std::size_t>(fd)].clear();
    ::close(fd);
  }

  const int listener_ = listen_on_loopback();
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::string> rests_;  // by descriptor
  char buffer_[16 * 1024];
};

}  // namespace

int main() { return server().run(); }
