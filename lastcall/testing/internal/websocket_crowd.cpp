#include "lastcall/testing/internal/websocket_crowd.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <queue>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace lastcall::inline v0::testing {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), std::string("WebSocket client: ") + what);
}

/// A frame of a client: masked, always with the same mask.
std::string frame(unsigned char first, std::string payload) {
  constexpr char mask[4] = {0x11, 0x22, 0x33, 0x44};
  std::string all{static_cast<char>(first), static_cast<char>(0x80 | payload.size())};  // at most 125 bytes here
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
  return all.append(mask, 4).append(payload);
}

enum class step : unsigned char { connecting, shaking, open, closed };

struct guest {
  int fd = -1;
  step at = step::connecting;
  bool writable = false;
  std::string in;
  std::string out;
  std::string last_message;  // its last message, until the echo has come
  std::uint64_t to_say = 0;
};

}  // namespace

struct websocket_crowd::parts {
  parts(const server_address& a, options o) : where(a), settings(std::move(o)), epoll(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll < 0) fail("epoll_create1");
    all.resize(settings.connections);
    ends.resize(settings.connections);
  }
  ~parts() {
    for (guest& g : all)
      if (g.fd >= 0) ::close(g.fd);
    ::close(epoll);
  }

  void connect(std::size_t i) {
    guest& g = all[i];
    g.fd = ::socket(where.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (g.fd < 0) fail("socket");
    const int on = 1;
    ::setsockopt(g.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(g.fd, reinterpret_cast<const sockaddr*>(&where.address), where.length) != 0 && errno != EINPROGRESS)
      fail("connect");
    epoll_event e{};
    e.events = EPOLLIN | EPOLLOUT | EPOLLET;
    e.data.u64 = i;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, g.fd, &e) != 0) fail("epoll_ctl");
    g.out = "GET " + settings.path + " HTTP/1.1\r\nHost: " + where.host +
            "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  }

  void send(std::size_t i, std::string_view bytes) {
    all[i].out += bytes;
    flush(i);
  }
  void flush(std::size_t i) {
    guest& g = all[i];
    while (g.fd >= 0 && !g.out.empty() && g.writable) {
      const ssize_t n = ::send(g.fd, g.out.data(), g.out.size(), MSG_NOSIGNAL);
      if (n > 0) {
        g.out.erase(0, static_cast<std::size_t>(n));
      } else if (errno == EAGAIN) {
        g.writable = false;
      } else {
        return;  // the next read returns the end
      }
    }
  }

  void ended(std::size_t i, bool reset) {
    guest& g = all[i];
    if (g.at == step::connecting || g.at == step::shaking) throw std::runtime_error("no handshake: " + g.in);
    (reset ? ends[i].reset : ends[i].fin) = true;
    ends[i].end_at = steady().now();
    ::close(std::exchange(g.fd, -1));
    if (g.to_say > 0) --talking;
    g.to_say = 0;
    --open_now;
  }

  void read(std::size_t i) {
    guest& g = all[i];
    char piece[16 * 1024];
    while (g.fd >= 0) {
      const ssize_t n = ::recv(g.fd, piece, sizeof piece, 0);
      if (n > 0) {
        g.in.append(piece, static_cast<std::size_t>(n));
        take(i);
      } else if (n < 0 && errno == EAGAIN) {
        return;
      } else {
        return ended(i, n < 0);
      }
    }
  }

  void take(std::size_t i) {
    guest& g = all[i];
    if (g.at == step::shaking) {
      const auto end = g.in.find("\r\n\r\n");
      if (end == std::string::npos) return;
      if (!g.in.starts_with("HTTP/1.1 101 ") ||
          g.in.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") > end)
        throw std::runtime_error("no handshake: " + g.in);
      g.in.erase(0, end + 4);
      g.at = step::open;
      ++open_now;
      ++shaken;
    }
    while (g.in.size() >= 2) {
      const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(g.in[at]); };
      const std::size_t size = byte(1);
      if (size > 125) {  // masked, or larger than any message that was sent
        ends[i].wrong = true;
        return;
      }
      if (g.in.size() < 2 + size) return;
      const unsigned char first = byte(0);
      const std::string body = g.in.substr(2, size);
      g.in.erase(0, 2 + size);
      if (g.at == step::closed) ends[i].wrong = true;  // nothing follows a Close
      hear(i, first, body);
    }
    if (g.in.empty()) g.in.shrink_to_fit();
  }

  void hear(std::size_t i, unsigned char first, const std::string& body) {
    guest& g = all[i];
    websocket_end& end = ends[i];
    if (first == 0x81 && !g.last_message.empty() && body == g.last_message) {
      ++end.echoed;
      g.last_message.clear();
      if (g.to_say == 0) return;
      if (--g.to_say == 0) {
        --talking;
      } else if (pause > duration::zero()) {
        due.emplace(steady().now() + pause, i);
      } else {
        say(i);
      }
    } else if (first == 0x88) {
      g.at = step::closed;
      end.close_at = steady().now();
      end.code = body.size() < 2 ? 1005
                                 : static_cast<std::uint16_t>(static_cast<unsigned char>(body[0]) << 8 |
                                                              static_cast<unsigned char>(body[1]));
      if (g.to_say > 0) --talking;
      g.to_say = 0;
      if (settings.answers_close) send(i, frame(0x88, body.substr(0, 2)));
    } else if (first == 0x89) {
      send(i, frame(0x8a, body));
    } else {
      end.wrong = true;
    }
  }

  void say(std::size_t i) {
    guest& g = all[i];
    if (g.at != step::open || g.fd < 0) return;
    g.last_message = "message " + std::to_string(++ends[i].sent) + " of " + std::to_string(i);
    send(i, frame(0x81, g.last_message));
  }

  template <class Done> bool run(deadline by, Done done) {
    std::vector<epoll_event> events(512);
    while (!done()) {
      time_point now = steady().now();
      while (!due.empty() && due.top().first <= now) {
        const std::size_t i = due.top().second;
        due.pop();
        if (all[i].to_say > 0) say(i);
      }
      if (by.passed(now)) return done();
      const time_point until = due.empty() ? by.when() : std::min(by.when(), due.top().first);
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
      const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(std::min<std::int64_t>(wait, 1000)));
      for (int k = 0; k < n; ++k) {
        const std::size_t i = events[static_cast<std::size_t>(k)].data.u64;
        guest& g = all[i];
        if (g.fd < 0) continue;
        if (events[static_cast<std::size_t>(k)].events & EPOLLOUT) {
          if (g.at == step::connecting) g.at = step::shaking;
          g.writable = true;
          flush(i);
        }
        if (g.fd >= 0 && events[static_cast<std::size_t>(k)].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read(i);
      }
    }
    return true;
  }

  const server_address where;
  const options settings;
  const int epoll;
  std::vector<guest> all;
  std::vector<websocket_end> ends;
  using moment = std::pair<time_point, std::size_t>;
  std::priority_queue<moment, std::vector<moment>, std::greater<>> due;
  duration pause{};
  std::size_t open_now = 0, shaken = 0, talking = 0;
};

websocket_crowd::websocket_crowd(const server_address& where, options o)
    : parts_(std::make_unique<parts>(where, std::move(o))) {}

websocket_crowd::~websocket_crowd() = default;

bool websocket_crowd::open(deadline by) {
  constexpr std::size_t at_once = 500;  // less than a backlog
  for (std::size_t from = 0; from < parts_->all.size(); from += at_once) {
    const std::size_t to = std::min(from + at_once, parts_->all.size());
    for (std::size_t i = from; i < to; ++i) parts_->connect(i);
    if (!parts_->run(by, [&] { return parts_->shaken == to; })) return false;
  }
  return true;
}

bool websocket_crowd::converse(std::uint64_t messages, duration pause, deadline by) {
  parts& p = *parts_;
  p.pause = pause;
  if (messages == 0) return true;
  for (std::size_t i = 0; i < p.all.size(); ++i) {
    if (p.all[i].at != step::open || p.all[i].fd < 0) continue;
    p.all[i].to_say = messages;
    ++p.talking;
    p.say(i);
  }
  return p.run(by, [&] { return p.talking == 0; });
}

bool websocket_crowd::wait_for_ends(deadline by) {
  return parts_->run(by, [&] { return parts_->open_now == 0; });
}

std::size_t websocket_crowd::left() const noexcept { return parts_->open_now; }
const std::vector<websocket_end>& websocket_crowd::ends() const noexcept { return parts_->ends; }

}  // namespace lastcall::inline v0::testing
