// net_lab_peer: the smallest server and client that show whether the lab's wire is true. Not a load generator to
// measure servers with (`lastcall probe` is), and a server that closes its listener as plainly as most do.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

int fail(const char* step) {
  std::perror(step);
  return 5;
}

void watch(int set, int fd, unsigned events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

int serve(const char* host) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, host, &address.sin_addr);
  socklen_t size = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, name, size) != 0 || ::listen(listener, 4096) != 0) return fail("listen");
  ::getsockname(listener, name, &size);

  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, nullptr);
  const int told = ::signalfd(-1, &term, SFD_CLOEXEC);
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  watch(set, listener, EPOLLIN);
  watch(set, told, EPOLLIN);
  std::printf("listening on http://%s:%d\n", host, ntohs(address.sin_port));
  std::fflush(stdout);

  int open = 0;
  bool leaving = false;
  auto end = steady_clock::time_point::max();
  while (!leaving || (open > 0 && steady_clock::now() < end)) {
    epoll_event events[64];
    const int count = ::epoll_wait(set, events, 64, 100);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == told) {
        ::close(listener);  // resets what waits in its queue, and every handshake in flight
        ::close(told);
        leaving = true;
        end = steady_clock::now() + 5s;
      } else if (fd == listener) {
        if (leaving) continue;
        for (int c = 0; (c = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          watch(set, c, EPOLLIN);
          ++open;
        }
      } else {
        char request[64];
        if (::recv(fd, request, sizeof request, 0) > 0) ::send(fd, "ok\n", 3, MSG_NOSIGNAL);
        ::close(fd);
        --open;
      }
    }
  }
  return 0;
}

struct outcome {
  long begun = 0, answered = 0, lost = 0, refused = 0, failed = 0;
  std::vector<double> handshake_ms;
};

struct attempt {
  steady_clock::time_point begun;
  bool connected = false;
  std::string received = {};
};

// How a connection ended. `error` is what connect, send or recv left; 0 is the remote's orderly end.
void settle(outcome& all, const attempt& one, int error) {
  if (one.received == "ok\n" && error == 0) {
    ++all.answered;
  } else if (error == ECONNREFUSED && !one.connected) {
    ++all.refused;
  } else if (one.connected) {
    ++all.lost;
  } else {
    ++all.failed;
  }
}

// True: it goes on.
bool advance(outcome& all, int fd, attempt& one) {
  if (!one.connected) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return settle(all, one, error), false;
    one.connected = true;
    all.handshake_ms.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - one.begun).count());
    if (::send(fd, "?\n", 2, MSG_NOSIGNAL) < 0) return settle(all, one, errno), false;
    return true;
  }
  char bytes[64];
  for (;;) {
    const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
    if (got > 0) {
      one.received.append(bytes, static_cast<std::size_t>(got));
    } else if (got < 0 && errno == EAGAIN) {
      return true;
    } else {
      return settle(all, one, got < 0 ? errno : 0), false;
    }
  }
}

int connect(const char* host, const char* port, double rate, double seconds, double signal_after) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(std::atoi(port)));
  ::inet_pton(AF_INET, host, &address.sin_addr);
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  std::unordered_map<int, attempt> open;
  outcome all;
  const auto start = steady_clock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  const char* const server = std::getenv("LAB_SERVER_PID");
  bool signalled = signal_after <= 0 || server == nullptr;

  while (steady_clock::now() < end || (!open.empty() && steady_clock::now() < end + 5s)) {
    const std::chrono::duration<double> now = steady_clock::now() - start;
    if (!signalled && now.count() >= signal_after) {
      ::kill(static_cast<pid_t>(std::atol(server)), SIGTERM);
      signalled = true;
    }
    while (now.count() < seconds && static_cast<double>(all.begun) < now.count() * rate) {
      ++all.begun;
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const attempt one{.begun = steady_clock::now()};
      if (fd < 0 ||
          (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)) {
        settle(all, one, errno);
        if (fd >= 0) ::close(fd);
        continue;
      }
      watch(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
      open.emplace(fd, one);
    }
    epoll_event events[64];
    const int count = ::epoll_wait(set, events, 64, 1);
    for (int i = 0; i < count; ++i) {
      const auto found = open.find(events[i].data.fd);
      if (found == open.end() || advance(all, found->first, found->second)) continue;
      ::close(found->first);
      open.erase(found);
    }
  }
  all.failed += static_cast<long>(open.size());
  std::sort(all.handshake_ms.begin(), all.handshake_ms.end());
  const auto at = [&](double share) {
    if (all.handshake_ms.empty()) return 0.0;
    return all.handshake_ms[static_cast<std::size_t>(share * static_cast<double>(all.handshake_ms.size() - 1))];
  };
  std::printf("begun=%ld answered=%ld lost=%ld refused=%ld failed=%ld\n", all.begun, all.answered, all.lost,
              all.refused, all.failed);
  std::printf("handshake_ms min=%.2f median=%.2f p99=%.2f max=%.2f\n", at(0), at(0.5), at(0.99), at(1));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "serve" && argc == 3) return serve(argv[2]);
  if (verb == "connect" && argc == 7) {
    return connect(argv[2], argv[3], std::atof(argv[4]), std::atof(argv[5]), std::atof(argv[6]));
  }
  std::fputs("usage: net_lab_peer serve HOST | connect HOST PORT PER_SECOND SECONDS SIGNAL_AFTER_SECONDS (0: never)\n",
             stderr);
  return 2;
}
