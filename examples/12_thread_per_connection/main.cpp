// A server on raw sockets with a thread for each connection keeps its accept loop, its threads and its protocol. What
// it gets is the end: nobody who had connected is lost, and the process is gone in time.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "lastcall/app.hpp"
#include "lastcall/listen.hpp"

using namespace std::chrono_literals;
using lastcall::net::unique_fd;

namespace {

/// No call waits longer than this, so each thread looks at its context once a second. It is the silence, too: who has
/// sent nothing for so long is not about to.
constexpr timeval silence{.tv_sec = 1, .tv_usec = 0};

enum class came { request, nothing, the_end };

came read_head(int client, std::string& bytes) {
  while (bytes.find("\r\n\r\n") == bytes.npos) {
    char piece[4096];
    const ssize_t n = ::recv(client, piece, sizeof piece, 0);
    if (n < 0 && errno == EAGAIN) return came::nothing;
    if (n <= 0 || bytes.size() > 65536) return came::the_end;
    bytes.append(piece, static_cast<std::size_t>(n));
  }
  return came::request;
}

bool send_all(int client, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// The protocol: HTTP, as little of it as it takes. The two lines about `ends` are what was added.
void serve(const unique_fd& client, const lastcall::context& ends) {
  std::string bytes;
  for (bool last = false; !last;) {
    const came what = read_head(client.get(), bytes);
    if (what == came::the_end || ends.forced()) return;
    if (what == came::nothing) {
      last = ends.draining() && bytes.empty();  // silent: it may go without a word
      continue;
    }
    if (bytes.starts_with("GET /slow ")) std::this_thread::sleep_for(300ms);
    bytes.erase(0, bytes.find("\r\n\r\n") + 4);
    last = ends.draining();
    if (!send_all(client.get(), std::string("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n") +
                                    (last ? "Connection: close\r\n" : "") + "\r\nhello\n"))
      return;
  }
  // Ours is said. Reading on to the client's end keeps a reset from destroying it on its way.
  ::shutdown(client.get(), SHUT_WR);
  char rest[4096];
  while (::recv(client.get(), rest, sizeof rest, 0) > 0) {}
}

void accept_all(int listening, lastcall::gate& inside, const lastcall::context& ends) {
  for (;;) {
    unique_fd client(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) {
      if (errno == EINVAL) return;  // its listening has ended
      const auto why = lastcall::net::classify_accept({errno, std::system_category()});
      if (why == lastcall::net::accept_error::exhausted) std::this_thread::sleep_for(10ms);
      continue;
    }
    const int yes = 1;
    ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    ::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    // The ticket is given up last, when the connection is closed.
    std::thread([in = inside.enter(), of = std::move(client), ends] { serve(of, ends); }).detach();
  }
}

unique_fd listen_on(std::uint16_t port) {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(fd.get(), 1024) != 0)
    throw std::system_error(errno, std::system_category(), "cannot listen on port " + std::to_string(port));
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where), &size);
  std::printf("listening on http://127.0.0.1:%d\n", ntohs(where.sin_port));
  std::fflush(stdout);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  lastcall::app app{{.grace = 20s}};
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8092);
  unique_fd listening;
  lastcall::gate inside;
  std::latch empty(1);

  app.add("connections", {.start = [&] { listening = listen_on(port); },
                          .run =
                              [&](const lastcall::context& ends) {
                                accept_all(listening.get(), inside, ends);
                                inside.close([&] { empty.count_down(); });
                                empty.wait();
                              },
                          .drain = lastcall::net::drain_of_listener([&] { return listening.get(); }),
                          .stop = [&] { listening.reset(); },
                          .account = [&](lastcall::component_report& into) { into.add("left", inside.inside()); }});
  return app.run();
}
