// For tests: a server's connection that answers lines, and a client of blocking calls, each of which ends within 10 s.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/net/connection/connection.hpp"
#include "lastcall/net/connection/connection_set.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::testing_net {

constexpr duration generous = std::chrono::seconds(10);

/// One end of a conversation, from outside.
class client {
 public:
  explicit client(const net::endpoint& where, int receive_buffer = 0) : client(family_of(where)) {
    // A small window has to be known when the connection is made.
    if (receive_buffer > 0) ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_storage name;
    const socklen_t size = where.fill(name);
    error_ = ::connect(fd(), reinterpret_cast<sockaddr*>(&name), size) == 0 ? 0 : errno;
  }

  /// From an address of its own.
  client(const char* from, const net::endpoint& where) : client(family_of(where)) {
    sockaddr_storage name;
    socklen_t size = net::endpoint_of(from, 0).fill(name);
    if (::bind(fd(), reinterpret_cast<sockaddr*>(&name), size) != 0) error_ = errno;
    size = where.fill(name);
    if (::connect(fd(), reinterpret_cast<sockaddr*>(&name), size) != 0) error_ = errno;
  }

  int fd() const noexcept { return fd_.get(); }
  /// errno of connect; 0 when it succeeded.
  int error() const noexcept { return error_; }
  /// How the last call of `hear` ended: 0 for an orderly end or for having heard enough, else errno.
  int heard_error() const noexcept { return heard_error_; }

  /// How many bytes went out: all, unless the server has gone or takes none for 10 s.
  std::size_t say(std::string_view text) {
    std::size_t said = 0;
    while (said < text.size()) {
      const ssize_t n = ::send(fd(), text.data() + said, text.size() - said, MSG_NOSIGNAL);
      if (n <= 0) break;
      said += static_cast<std::size_t>(n);
    }
    return said;
  }
  /// Up to and with `end`; what comes behind it is kept for the next call. Less if the server ends first.
  std::string hear_until(std::string_view end) {
    for (;;) {
      if (const auto at = heard_.find(end); at != std::string::npos) return take(at + end.size());
      if (!hear_more()) return take(heard_.size());
    }
  }
  std::string hear_bytes(std::size_t count) {
    while (heard_.size() < count && hear_more()) {}
    return take(std::min(count, heard_.size()));
  }
  /// Everything until the server's end.
  std::string hear_all() {
    while (hear_more()) {}
    return take(heard_.size());
  }
  /// Whether nothing at all has come that was not yet heard.
  bool silent() const noexcept {
    char c;
    return heard_.empty() && ::recv(fd(), &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

  void finish_sending() noexcept { ::shutdown(fd(), SHUT_WR); }
  void close() noexcept { fd_.reset(); }
  void reset() noexcept {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
  }

 private:
  explicit client(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  static int family_of(const net::endpoint& where) noexcept {
    return where.family() == net::endpoint::kind::ipv4 ? AF_INET : where.ip() ? AF_INET6 : AF_UNIX;
  }
  bool hear_more() {
    char piece[64 * 1024];
    const ssize_t n = ::recv(fd(), piece, sizeof piece, 0);
    heard_error_ = n < 0 ? errno : 0;
    if (n > 0) heard_.append(piece, static_cast<std::size_t>(n));
    return n > 0;
  }
  std::string take(std::size_t count) {
    std::string taken = heard_.substr(0, count);
    heard_.erase(0, count);
    return taken;
  }

  net::unique_fd fd_;
  int error_ = 0;
  int heard_error_ = 0;
  std::string heard_;
};

class line_connection;

/// What the connections of one test have done, and how they are to behave.
class line_monitor {
 public:
  duration fresh_time = generous;
  duration idle_time = generous;

  /// Waits until `fact` holds, which is looked at whenever something happens to a connection.
  template <class F> bool wait_until(F fact) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, generous, [&] { return fact(*this); });
  }
  bool wait_for_made(std::size_t n) {
    return wait_until([n](line_monitor& m) { return m.made >= n; });
  }
  bool wait_for_ended(std::size_t n) {
    return wait_until([n](line_monitor& m) { return m.ends.size() >= n; });
  }
  bool wait_for_lines(std::size_t n) {
    return wait_until([n](line_monitor& m) { return m.lines >= n; });
  }
  template <class F> void change(F f) {
    const std::lock_guard lock(mutex_);
    f(*this);
    changed_.notify_all();
  }

  // Only within `wait_until` and `change`, or when no thread runs any more:
  std::size_t made = 0, refused = 0, lines = 0, drains = 0, replacements = 0;
  std::vector<net::connection_end> ends;
  std::vector<line_connection*> open;
  std::vector<std::size_t> made_on;  // loop indices
  std::vector<duration> staleness;   // of the loop's time, when a connection was made

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// Echoes lines, but for these:
///   wait     is busy until the test calls `answer`
///   bye      echoes, then farewell
///   leave    farewell, without an answer
///   stay     becomes long-lived; answers "told" when it is told of a drain
///   replace  is replaced by another connection, which gets the bytes after this line and answers
///   fill     writes until the remote's window is full, then farewell
///   cut      ends as forced
class line_connection final : public net::connection {
 public:
  line_connection(line_monitor& m, net::connection_set& set, net::unique_fd socket, const net::endpoint& remote,
                  bool refusing = false, std::size_t loop_index = 0)
      : connection(set, std::move(socket), remote), monitor_(m), refusing_(refusing) {
    enter(net::connection_state::fresh, loop_now() + m.fresh_time);
    monitor_.change([&](line_monitor& all) {
      ++all.made;
      all.refused += refusing ? 1 : 0;
      all.open.push_back(this);
      all.made_on.push_back(loop_index);
      all.staleness.push_back(steady().now() - loop_now());
    });
  }

  line_connection(line_connection& before, std::string received)
      : connection(before, net::connection_kind::websocket), monitor_(before.monitor_), text_(std::move(received)) {
    monitor_.change([&](line_monitor& all) {
      std::replace(all.open.begin(), all.open.end(), &before, this);
      ++all.replacements;
    });
  }

  void answer(std::string_view text) noexcept {
    say(text);
    farewell();
  }
  using connection::farewell;

 private:
  void on_readable() noexcept override {
    char piece[4096];
    for (;;) {
      const net::io_result read = receive(piece, sizeof piece);
      if (read.end != net::io_end::open) return end_by(read.end);
      if (read.would_block) return;
      std::string_view rest(piece, read.bytes);
      while (!rest.empty()) {
        text_ += rest.front();
        rest.remove_prefix(1);
        if (text_.back() != '\n') continue;
        if (text_ == "replace\n") {
          auto replacement = std::make_unique<line_connection>(*this, std::string(rest));
          line_connection& next = *replacement;
          set().replace(*this, std::move(replacement));
          return next.begin();
        }
        line();
        text_.clear();
        if (state() == net::connection_state::closed || state() == net::connection_state::lingering) return;
      }
    }
  }
  void on_writable() noexcept override {}
  void on_drain() noexcept override {
    monitor_.change([](line_monitor& all) { ++all.drains; });
  }
  void on_told() noexcept override { answer("told\n"); }
  void begin() noexcept {
    say("replace\n");
    if (text_.ends_with('\n')) line();
    text_.clear();
  }
  void on_end(net::connection_end how) noexcept override {
    monitor_.change([&](line_monitor& all) {
      all.ends.push_back(how);
      std::erase(all.open, this);
    });
  }

  void line() noexcept {
    if (state() == net::connection_state::idle) note_request();
    act();
    monitor_.change([](line_monitor& all) { ++all.lines; });
  }
  void act() noexcept {
    if (refusing_) return answer("full\n");
    if (text_ == "wait\n") return enter(net::connection_state::busy, time_point::max());
    if (text_ == "bye\n") return answer(text_);
    if (text_ == "leave\n") return farewell();
    if (text_ == "stay\n") return enter(net::connection_state::upgraded, time_point::max());
    if (text_ == "cut\n") return end(net::connection_end::forced);
    if (text_ == "fill\n") {
      const std::string much(64 * 1024, 'x');
      while (transmit(much.data(), much.size()).bytes > 0) {}
      return farewell();
    }
    say(text_);
    note_response();
    enter(net::connection_state::idle, loop_now() + monitor_.idle_time);
  }
  void say(std::string_view text) noexcept { transmit(text.data(), text.size()); }

  line_monitor& monitor_;
  std::string text_;
  const bool refusing_ = false;
};

/// Runs `f` on the loop's thread and waits for it; what was posted or noted there before has then been done.
template <class F> bool run_on(net::loop& where, F f) {
  const auto done = std::make_shared<countdown>(1);
  where.post([&f, done] {
    f();
    done->count_down();
  });
  return done->wait_until(steady().now() + generous);
}

}  // namespace lastcall::inline v0::testing_net
