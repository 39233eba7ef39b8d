// A blocking server that is slow to accept, as one that is busy: it accepts nobody before it is told to stop. So all of
// its clients wait in the queue then. `foreign settled` ends its listening with drain_of_listener, `foreign closed` as
// most programs do.
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include "lastcall/app.hpp"
#include "lastcall/listen.hpp"

namespace {

using lastcall::net::unique_fd;

unique_fd listen_somewhere() {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(fd.get(), 1024) != 0)
    throw std::system_error(errno, std::system_category(), "cannot listen");
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where), &size);
  std::printf("listening on http://127.0.0.1:%d\n", ntohs(where.sin_port));
  std::fflush(stdout);
  return fd;
}

/// One request for each connection.
void serve(const unique_fd& client) {
  std::string head;
  char piece[4096];
  while (head.find("\r\n\r\n") == head.npos) {
    const ssize_t n = ::recv(client.get(), piece, sizeof piece, 0);
    if (n <= 0) return;
    head.append(piece, static_cast<std::size_t>(n));
  }
  constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
  if (::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
  ::shutdown(client.get(), SHUT_WR);
  while (::recv(client.get(), piece, sizeof piece, 0) > 0) {}
}

}  // namespace

int main(int argc, char** argv) {
  lastcall::app app{{.grace = std::chrono::seconds(20)}};
  const bool settled = argc > 1 && std::string_view(argv[1]) == "settled";
  const unique_fd listening = listen_somewhere();
  std::atomic<bool> told = false;
  app.add("foreign", {.run =
                          [&] {
                            told.wait(false);
                            for (;;) {
                              const unique_fd client(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
                              if (client) serve(client);
                              if (!client && errno == EINVAL) return;
                            }
                          },
                      .drain =
                          [&, drain = settled ? lastcall::net::drain_of_listener(listening.get())
                                              : nullptr](const lastcall::context& ends) {
                            if (!drain) ::shutdown(listening.get(), SHUT_RDWR);
                            told = true;
                            told.notify_all();
                            if (drain) drain(ends);
                          }});
  return app.run();
}
