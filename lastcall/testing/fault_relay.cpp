// One thread polls, reads, and writes; calls of the test change the state under `lock` and wake that thread (`change`).
// It holds the lock except while it waits in ppoll, so after that it looks up each connection again.
//
// A connection has two sides (sockets) and two lines (fault_line): bytes that are read from side i go into the line to
// the other side, and come out of it when they are due (`pump`). A side ends in two halves: told_end for what we write,
// heard_end for what we read; the connection is done when both sides have ended both.
#include "lastcall/testing/fault_relay.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::testing {

namespace {

constexpr int none = -1;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), std::string("fault relay: ") + what);
}

void close_at(int& fd, bool with_reset) noexcept {
  if (fd == none) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  if (with_reset) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(fd, none));
}

bool not_yet(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// One socket of a relayed connection.
struct side {
  int fd = none;
  bool blocked = false;    // its send buffer is full
  bool told_end = false;   // our FIN was sent
  bool heard_end = false;  // its FIN or RST has been read
};

struct relayed {
  relayed(const relay_faults& f, std::size_t capacity)
      : lines{fault_line(f.to_server, capacity), fault_line(f.to_client, capacity)} {}

  // The line to sides[i] is lines[i]; index 0 is the server's.
  std::array<side, 2> sides;
  std::array<fault_line, 2> lines;
  bool connecting = true;

  bool done() const noexcept {
    return std::all_of(sides.begin(), sides.end(), [](const side& s) { return s.told_end && s.heard_end; });
  }
};

}  // namespace

struct fault_relay::state {
  state(server_address to, relay_options chosen) : server(std::move(to)), options(std::move(chosen)) {
    const lastcall::detail::option_check allowed("fault relay");
    allowed.number("buffer_bytes", options.buffer_bytes, 1, allowed.most_bytes);
    allowed.number("most_connections", options.most_connections, 1, allowed.most_things);
    check(options.faults);
    wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake == none) fail("no descriptor");
    listen();
    thread = std::thread([this] { run(); });
  }
  ~state() {
    {
      const std::lock_guard hold(lock);
      leaving = true;
    }
    ring();
    if (thread.joinable()) thread.join();
    for (auto& [number, c] : open) end(c, true);
    close_at(listener, false);
    ::close(wake);
  }

  void listen() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof at;
    if (listener == none || ::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(listener, 1024) != 0 || ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      fail("cannot listen");
    }
    port = ntohs(at.sin_port);
  }

  void ring() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto ignored = ::write(wake, &one, sizeof one);
  }

  /// Changes the state under the lock, and wakes the relay's thread to act on it.
  template <class F> void change(F f) {
    {
      const std::lock_guard hold(lock);
      f();
    }
    ring();
  }
  template <class F> void change(std::size_t number, F f) {
    change([&] {
      if (const auto it = open.find(number); it != open.end()) f(it->second);
    });
  }

  void end(relayed& c, bool with_reset) noexcept {
    for (side& s : c.sides) close_at(s.fd, with_reset);
    for (fault_line& line : c.lines) line.drop();
  }
  // Sends FIN to both. What they still send is read and dropped, since unread bytes would cause a reset.
  void part(relayed& c) noexcept {
    for (std::size_t i = 0; i < 2; ++i) {
      c.lines[i].drop();
      tell_end(c.sides[i]);
    }
  }
  void tell_end(side& s) noexcept {
    if (!std::exchange(s.told_end, true)) ::shutdown(s.fd, SHUT_WR);
  }

  void run();
  void accept_all();
  void connect(relayed& c);
  void pump(relayed& c, time_point now);
  void read_from(relayed& c, std::size_t i, time_point now);
  void on_events(relayed& c, std::size_t i, short events, time_point now);
  short interest(const relayed& c, std::size_t i) const noexcept;
  std::vector<relay_connection> list() const;

  const server_address server;
  const relay_options options;
  int wake = none, listener = none;
  std::uint16_t port = 0;

  mutable std::mutex lock;  // guards all below; not held while waiting
  mutable std::condition_variable changed;
  relay_faults faults = options.faults;
  function<relay_faults(std::size_t)> by_number;
  std::map<std::size_t, relayed> open;
  std::vector<relay_connection> all;  // for those that have ended: as they were then
  std::size_t refused = 0;            // by the server
  bool refusing = false;              // by us
  bool leaving = false;
  std::thread thread;  // last: it uses all above
};

void fault_relay::state::accept_all() {
  while (open.size() < options.most_connections) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == none) return;
    const std::size_t number = all.size();
    all.push_back({.number = number, .open = true});
    relayed& c = open.try_emplace(number, by_number ? by_number(number) : faults, options.buffer_bytes).first->second;
    c.sides[1].fd = fd;
    connect(c);
  }
}

void fault_relay::state::connect(relayed& c) {
  int& fd = c.sides[0].fd;
  fd = ::socket(server.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  for (const side& s : c.sides) ::setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails for unix: fine
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&server.address), server.length);
  c.connecting = result != 0 && errno == EINPROGRESS;
  if (result == 0 || c.connecting) return;
  ++refused;
  end(c, true);
}

// The events to poll for. -1: none, not even errors, since poll would return them again and again.
short fault_relay::state::interest(const relayed& c, std::size_t i) const noexcept {
  const side& s = c.sides[i];
  if (s.fd == none || (s.told_end && s.heard_end)) return -1;
  if (i == 0 && c.connecting) return POLLOUT;
  short wanted = 0;
  const fault_line& feeds = c.lines[1 - i];
  if (!s.heard_end && (feeds.over() || feeds.room() > 0)) wanted |= POLLIN;
  if (s.blocked) wanted |= POLLOUT;
  return wanted == 0 && !s.heard_end ? static_cast<short>(-1) : wanted;
}

/// Reads as much as the line has room for: a full line slows the sender down. A line that is over takes all, and drops
/// it.
void fault_relay::state::read_from(relayed& c, std::size_t i, time_point now) {
  side& s = c.sides[i];
  fault_line& feeds = c.lines[1 - i];
  std::array<char, 65536> bytes;
  const std::size_t room = feeds.over() ? bytes.size() : std::min(bytes.size(), feeds.room());
  if (room == 0) return;
  const ssize_t n = ::recv(s.fd, bytes.data(), room, 0);
  if (n > 0) return feeds.take({bytes.data(), static_cast<std::size_t>(n)}, now);
  if (n < 0 && not_yet(errno)) return;
  s.heard_end = true;
  feeds.take_end(n < 0, now);
  if (n == 0) return;
  c.lines[i].drop();  // its receiver has gone
  s.told_end = true;
}

void fault_relay::state::on_events(relayed& c, std::size_t i, short events, time_point now) {
  side& s = c.sides[i];
  if (i == 0 && c.connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(s.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    c.connecting = false;
    if (error == 0) return;
    ++refused;
    return end(c, true);
  }
  if (events & POLLOUT) s.blocked = false;
  if (!s.heard_end) {
    if (events & (POLLIN | POLLERR | POLLHUP)) read_from(c, i, now);
  } else if (events & (POLLERR | POLLHUP)) {  // its FIN was read before; now it has gone
    c.lines[i].drop();
    s.told_end = true;
    if (!c.lines[1 - i].over()) return;
    end(c, true);
  }
}

/// Does what is due on both lines. Writes until a line has nothing due, or the socket is full.
void fault_relay::state::pump(relayed& c, time_point now) {
  if (c.connecting) return;
  for (std::size_t i = 0; i < 2; ++i) {
    side& s = c.sides[i];
    while (s.fd != none && !s.blocked) {
      const fault_line::action next = c.lines[i].due(now);
      if (next.what == fault_line::step::none) break;
      if (next.what == fault_line::step::half_close) tell_end(s);
      if (next.what == fault_line::step::cut) part(c);
      if (next.what == fault_line::step::reset) return end(c, true);
      if (next.what != fault_line::step::write) continue;
      const ssize_t n = ::send(s.fd, next.bytes.data(), next.bytes.size(), MSG_NOSIGNAL);
      if (n >= 0) {
        c.lines[i].written(static_cast<std::size_t>(n), now);
      } else if (not_yet(errno)) {
        s.blocked = true;
      } else {  // it has gone: the other side gets that end with the delay of its line
        s.heard_end = s.told_end = true;
        c.lines[i].drop();
        c.lines[1 - i].take_end(true, now);
      }
    }
  }
  if (c.done()) end(c, false);
}

void fault_relay::state::run() {
  struct watched {
    std::size_t number;
    std::size_t side;
  };
  std::vector<pollfd> fds;
  std::vector<watched> whose;
  std::unique_lock hold(lock);
  while (!leaving) {
    const time_point now = steady().now();
    std::optional<time_point> until;
    fds.assign({{.fd = wake, .events = POLLIN, .revents = 0},
                {.fd = open.size() < options.most_connections ? listener : none, .events = POLLIN, .revents = 0}});
    whose.assign(2, {});
    for (auto it = open.begin(); it != open.end();) {
      auto& [number, c] = *it;
      pump(c, now);
      relay_connection& seen = all[number];
      seen.to_server = c.lines[0].passed();
      seen.to_client = c.lines[1].passed();
      if (c.sides[0].fd == none) {
        seen.open = false;
        it = open.erase(it);
        continue;
      }
      for (std::size_t i = 0; i < 2; ++i) {
        const short events = interest(c, i);
        fds.push_back({.fd = events < 0 ? none : c.sides[i].fd, .events = events, .revents = 0});
        whose.push_back({number, i});
        if (c.connecting || c.sides[i].blocked) continue;
        if (const auto next = c.lines[i].next()) until = std::min(until.value_or(*next), *next);
      }
      ++it;
    }
    changed.notify_all();
    hold.unlock();
    timespec timeout{};
    if (until && *until > now) {
      const auto left = *until - now;
      timeout = {.tv_sec = left / std::chrono::seconds(1),
                 .tv_nsec = static_cast<long>((left % std::chrono::seconds(1)).count())};
    }
    ::ppoll(fds.data(), fds.size(), until ? &timeout : nullptr, nullptr);
    hold.lock();
    if (fds[0].revents != 0) {
      std::uint64_t rings = 0;
      [[maybe_unused]] const auto got = ::read(wake, &rings, sizeof rings);
    }
    const time_point then = steady().now();
    for (std::size_t i = 2; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      const auto it = open.find(whose[i].number);  // a call may have ended it meanwhile
      if (it != open.end() && it->second.sides[whose[i].side].fd == fds[i].fd)
        on_events(it->second, whose[i].side, fds[i].revents, then);
    }
    if (fds[1].revents != 0 && listener != none) accept_all();
  }
}

std::vector<relay_connection> fault_relay::state::list() const {
  auto now = all;
  for (const auto& [number, c] : open) {
    now[number].to_server = c.lines[0].passed();
    now[number].to_client = c.lines[1].passed();
    now[number].open = c.sides[0].fd != none;
  }
  return now;
}

fault_relay::fault_relay(server_address server, relay_options options)
    : state_(std::make_unique<state>(std::move(server), std::move(options))) {}
fault_relay::~fault_relay() = default;

std::uint16_t fault_relay::port() const noexcept { return state_->port; }
std::string fault_relay::url() const { return "http://127.0.0.1:" + std::to_string(state_->port); }

void fault_relay::set(relay_faults faults) {
  check(faults);
  state_->change([&] { state_->faults = faults; });
}

void fault_relay::set(std::size_t connection, relay_faults faults) {
  check(faults);
  state_->change(connection, [&](relayed& c) {
    c.lines[0].set(faults.to_server);
    c.lines[1].set(faults.to_client);
  });
}

void fault_relay::choose(function<relay_faults(std::size_t)> by_number) {
  state_->change([&] { state_->by_number = std::move(by_number); });
}

void fault_relay::refuse_new(bool refused) {
  state& s = *state_;
  s.change([&] {
    if (std::exchange(s.refusing, refused) == refused) return;
    if (refused) {
      // Bound to an interface that does not exist: no new handshake finds it, and its accept queue stays.
      const int nowhere = INT_MAX;
      const bool unplugged = ::setsockopt(s.listener, SOL_SOCKET, SO_BINDTOIFINDEX, &nowhere, sizeof nowhere) == 0;
      s.accept_all();
      if (unplugged) return;
      ::shutdown(s.listener, SHUT_RDWR);
      close_at(s.listener, false);
    } else {
      s.accept_all();
      ::shutdown(s.listener, SHUT_RDWR);  // the relay's thread may wait on it, which keeps the port in use
      close_at(s.listener, false);
      s.listen();
    }
  });
}

void fault_relay::half_close(std::size_t connection, direction towards) {
  const std::size_t i = towards == direction::to_server ? 0 : 1;
  state_->change(connection, [&](relayed& c) {
    c.lines[i].drop();
    state_->tell_end(c.sides[i]);
  });
}

void fault_relay::cut(std::size_t connection) {
  state_->change(connection, [&](relayed& c) { state_->part(c); });
}

void fault_relay::reset(std::size_t connection) {
  state_->change(connection, [&](relayed& c) { state_->end(c, true); });
}

void fault_relay::cut_all() {
  state_->change([&] {
    for (auto& [number, c] : state_->open) state_->part(c);
  });
}

void fault_relay::reset_all() {
  state_->change([&] {
    for (auto& [number, c] : state_->open) state_->end(c, true);
  });
}

std::vector<relay_connection> fault_relay::connections() const {
  const std::lock_guard hold(state_->lock);
  return state_->list();
}

std::size_t fault_relay::open() const {
  const auto all = connections();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& c) { return c.open; }));
}

std::uint64_t fault_relay::bytes(direction towards) const {
  std::uint64_t sum = 0;
  for (const auto& c : connections()) sum += towards == direction::to_server ? c.to_server : c.to_client;
  return sum;
}

std::size_t fault_relay::refused_by_server() const {
  const std::lock_guard hold(state_->lock);
  return state_->refused;
}

bool fault_relay::wait_for(function<bool(const std::vector<relay_connection>&)> holds, deadline by) const {
  std::unique_lock hold(state_->lock);
  while (!holds(state_->list())) {
    if (by.passed(steady().now())) return false;
    state_->changed.wait_until(hold, by.when());
  }
  return true;
}

}  // namespace lastcall::inline v0::testing
