// A client that sends exactly the bytes it is told to, and says exactly what came back: for what no honest client does.
// It measures nothing and knows no load; that is the exact client's.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "lastcall/app.hpp"
#include "lastcall/testing/internal/http_reply.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace process_tests {

using lastcall::deadline;
using lastcall::testing::server_address;

/// One connection, non-blocking; whatever waits has a bound.   Threads: one.
class raw_client {
 public:
  enum class ended : unsigned char { open, fin, rst };
  struct heard {
    std::string bytes = {};
    ended how = ended::open;

    /// Of the first response: "HTTP/1.1 408 Request Timeout"; empty if there is none.
    std::string status_line() const { return bytes.substr(0, bytes.find("\r\n")); }
  };

  /// Errors: std::system_error.   Blocks: until the connection stands, at most 30 s.
  explicit raw_client(const server_address& to) : raw_client(to, no_choice) {}
  raw_client(const server_address& to, std::string_view first) : raw_client(to) { send(first); }
  /// With so small a buffer that little of what it does not read waits in the kernel.
  static raw_client narrow(const server_address& to, std::string_view first) {
    raw_client one(to, 4096);
    one.send(first);
    return one;
  }
  raw_client(raw_client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  raw_client& operator=(raw_client&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~raw_client() { close(); }

  /// False if the server's end came in between; what came before it is still there to be read.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EAGAIN || !wait_for(POLLOUT, deadline(std::chrono::seconds(30)))) {
        return false;
      }
    }
    return true;
  }
  /// One attempt that never waits: false when the server's end has come.
  bool trickle(char byte) { return ::send(fd_, &byte, 1, MSG_NOSIGNAL) == 1 || errno == EAGAIN; }
  /// The server's FIN or reset is here already. Never waits.
  bool end_has_come() const {
    pollfd watched{.fd = fd_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&watched, 1, 0) > 0;
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  /// One complete response, and not a byte more; `how` is open unless the end came before it was complete.
  heard read_reply(deadline by = deadline(std::chrono::seconds(30))) { return read_reply(by, false, {}); }
  /// The same of a response that begins with `all`, which has been read already; to HEAD, no body belongs to it.
  heard read_reply(deadline by, bool to_head, heard all) {
    lastcall::testing::http_reply reply;
    reply.begin(to_head);
    reply.take(all.bytes);
    while (!reply.complete() && !reply.malformed() && all.how == ended::open) {
      char byte = 0;  // one at a time: what is behind it stays in the kernel
      if (!read(&byte, 1, all, by)) break;
      if (all.how == ended::open) reply.take({&byte, 1});
    }
    return all;
  }
  /// Up to the next empty line, and not a byte more: of an interim response, all there is.
  heard read_head(deadline by = deadline(std::chrono::seconds(30))) {
    heard all;
    char byte = 0;
    while (!all.bytes.ends_with("\r\n\r\n") && all.how == ended::open && read(&byte, 1, all, by)) {}
    return all;
  }
  /// What is here next, at least a byte; `how` is open, without bytes, if nothing came within `by`.
  heard read_next(deadline by = deadline(std::chrono::seconds(30))) {
    heard all;
    char bytes[16384];
    read(bytes, sizeof bytes, all, by);
    return all;
  }
  /// Its bytes; empty at the server's end, or after `by`.
  std::string read_some(deadline by = deadline(std::chrono::seconds(30))) { return read_next(by).bytes; }
  /// Everything up to the server's end; `how` is open if it did not come within `by`.
  heard read_to_end(deadline by = deadline(std::chrono::seconds(30))) {
    heard all;
    char bytes[16384];
    while (all.how == ended::open && read(bytes, sizeof bytes, all, by)) {}
    return all;
  }

 private:
  static constexpr int no_choice = 0;

  raw_client(const server_address& to, int receive_buffer)
      : fd_(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) fail("socket");
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to.address), to.length) == 0) return;
    if (errno != EINPROGRESS) fail("connect");
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (wait_for(POLLOUT, deadline(std::chrono::seconds(30)))) ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    if (error != 0) fail("connect");
  }

  [[noreturn]] void fail(const char* what) {
    const int error = errno;
    close();
    throw std::system_error(error, std::generic_category(), std::string("raw client: ") + what);
  }
  bool wait_for(short events, deadline by) const {
    const auto left = by.remaining(std::chrono::steady_clock::now());
    pollfd watched{.fd = fd_, .events = events, .revents = 0};
    return ::poll(&watched, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count())) > 0;
  }
  // Waits for the next bytes or the end; false when `by` has passed first.
  bool read(char* into, std::size_t size, heard& all, deadline by) {
    for (;;) {
      const ssize_t n = ::recv(fd_, into, size, 0);
      if (n < 0 && errno == EAGAIN) {
        if (!wait_for(POLLIN, by)) return false;
        continue;
      }
      if (n > 0) all.bytes.append(into, static_cast<std::size_t>(n));
      if (n == 0) all.how = ended::fin;
      if (n < 0) all.how = ended::rst;
      return true;
    }
  }

  int fd_;
};

}  // namespace process_tests
