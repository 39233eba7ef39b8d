#include "lastcall/testing/internal/faulty_server.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <list>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/testing/internal/server_address.hpp"

namespace lastcall::inline v0::testing {

namespace {

using namespace std::chrono_literals;
constexpr auto silence = 200ms;

struct served_client {
  int fd;
  std::string in, out;  // out: the write queue
  bool closing = false, deaf = false;
  std::chrono::steady_clock::time_point heard;
};

void raise_event(int fd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(fd, &one, sizeof one);
}

std::uint64_t number_after(const std::string& text, const char* key, std::uint64_t otherwise) {
  const auto at = text.find(key);
  return at == text.npos ? otherwise : std::stoull(text.substr(at + std::char_traits<char>::length(key)));
}

void reset(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

struct faulty_server::state {
  faulty_options options;
  std::string url;
  int listener = -1, wake = -1, gone = -1;
  std::atomic<int> wanted{0};  // 1: stop, 2: go
  std::promise<void> stopped;
  std::atomic<unsigned> faults{0}, answered{0};
  std::list<served_client> served_clients;
  bool stopping = false, leaving = false;
  std::thread thread;

  void open();
  void run();
  void accept_all();
  void begin_stop();
  void hear(served_client&);
  bool serve_one(served_client&);
  void answer(served_client&, const std::string& head, std::uint64_t body, bool wanted_so);
  void flush(served_client&);
  bool suffers() { return options.fault != fault::none && faults < options.times; }
  static void end(served_client& g) {
    if (g.fd >= 0) ::close(std::exchange(g.fd, -1));
  }
};

void faulty_server::state::open() {
  const bool local = options.address.starts_with("unix:");
  const bool six = options.address.find(':') != options.address.npos;
  auto at = parse_server_address(local ? options.address
                                       : "http://" + (six ? "[" + options.address + "]" : options.address) + ":0");
  if (local) ::unlink(options.address.c_str() + 5);  // left by a run that was killed
  listener = ::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at.address), at.length) != 0 ||
      (options.listens && ::listen(listener, 4096) != 0)) {
    throw std::system_error(errno, std::generic_category(), "faulty server: " + options.address);
  }
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at.address), &at.length);
  const auto port =
      std::to_string(ntohs(reinterpret_cast<sockaddr_in&>(at.address).sin_port));  // sin6_port has the same place
  url = local ? options.address : at.text.substr(0, at.text.size() - 1) + port;
}

void faulty_server::state::accept_all() {
  for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    if ((options.fault == fault::close_on_accept || options.fault == fault::reset_on_accept) && suffers()) {
      ++faults;
      if (options.fault == fault::reset_on_accept) reset(fd);
      ::close(fd);
    } else {
      served_clients.push_back({.fd = fd, .in = {}, .out = {}, .heard = std::chrono::steady_clock::now()});
    }
  }
}

void faulty_server::state::begin_stop() {
  stopping = true;
  if (options.stop == stop_way::ignore) return;
  if (options.stop == stop_way::drain && options.listens) accept_all();
  ::close(std::exchange(listener, -1));
  for (auto& g : served_clients) {
    if (options.stop == stop_way::drain) continue;
    if (options.stop == stop_way::half_close) {
      g.deaf = true;
      ::shutdown(g.fd, SHUT_WR);
      continue;
    }
    if (options.stop == stop_way::reset_all) reset(g.fd);
    end(g);
  }
}

void faulty_server::state::flush(served_client& g) {
  while (!g.out.empty()) {
    const auto n = ::send(g.fd, g.out.data(), g.out.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN) end(g);
      return;
    }
    g.out.erase(0, static_cast<std::size_t>(n));
  }
  if (g.closing) end(g);
}

void faulty_server::state::answer(served_client& g, const std::string& head, std::uint64_t body, bool wanted_so) {
  auto what = fault::none;
  if (suffers()) {
    what = options.fault;
    ++faults;
  } else {
    ++answered;
  }
  const bool posted = head.starts_with("POST");
  const auto size = number_after(head, "/big?bytes=", 0);
  std::string content = size > 0 ? std::string(size, 'x') : "hello\n";
  if (posted) content = std::to_string(body + (what == fault::wrong_size ? 1 : 0));
  if (!posted && what == fault::wrong_size) content += 'x';
  g.closing = stopping || head.find("Connection: close") != head.npos;
  std::string whole = std::string("HTTP/1.1 ") +
                      (!wanted_so             ? "400 No"
                       : what == fault::error ? "500 No"
                                              : "200 OK") +
                      "\r\n" + (g.closing ? "Connection: close\r\n" : "") +
                      "Content-Length: " + std::to_string(content.size()) + "\r\n\r\n" + content;
  switch (what) {
    case fault::hang:
      g.deaf = true;
      return;
    case fault::reset:
      reset(g.fd);
      return end(g);
    case fault::eof:
      return end(g);
    case fault::reset_half_way:
    case fault::cut:
      g.out = whole.substr(0, whole.size() - content.size() / 2 - 1);
      flush(g);
      if (what == fault::reset_half_way && g.fd >= 0) reset(g.fd);
      return end(g);
    case fault::malformed:
      whole = "HTTP/1.1 yes\r\n\r\n";
      break;
    case fault::twice:
      whole += whole;
      break;
    default:
      break;
  }
  g.out += whole;
  flush(g);
}

bool faulty_server::state::serve_one(served_client& g) {
  const auto end_of_head = g.in.find("\r\n\r\n");
  if (end_of_head == g.in.npos) return false;
  const auto head = g.in.substr(0, end_of_head);
  const auto body = number_after(head, "Content-Length: ", 0);
  if (g.in.size() < end_of_head + 4 + body) return false;
  const bool wanted_so = g.in.substr(0, end_of_head + 4 + body).find(options.wants) != g.in.npos;
  g.in.erase(0, end_of_head + 4 + body);
  answer(g, head, body, wanted_so);
  return g.fd >= 0 && !g.deaf && !g.closing;
}

void faulty_server::state::hear(served_client& g) {
  char bytes[65536];
  const auto n = ::recv(g.fd, bytes, sizeof bytes, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n < 0 || (n == 0 && g.out.empty())) return end(g);
  if (n == 0 || g.deaf || g.closing) return;
  g.in.append(bytes, static_cast<std::size_t>(n));
  g.heard = std::chrono::steady_clock::now();
  while (serve_one(g)) continue;
}

void faulty_server::state::run() {
  std::vector<pollfd> watched;
  while (!leaving) {
    watched = {{wake, POLLIN, 0}, {options.listens ? listener : -1, POLLIN, 0}};
    for (const auto& g : served_clients) {
      const short events = static_cast<short>(POLLIN | (g.out.empty() ? 0 : POLLOUT));
      watched.push_back({g.fd, events, 0});
    }
    ::poll(watched.data(), watched.size(), stopping ? 20 : -1);
    std::size_t i = 2;
    const auto now = std::chrono::steady_clock::now();
    for (auto& g : served_clients) {
      const auto happened = watched[i++].revents;
      if (g.fd >= 0 && (happened & POLLOUT) != 0) flush(g);
      if (g.fd >= 0 && (happened & ~POLLOUT) != 0) hear(g);
      if (stopping && options.stop == stop_way::drain && now - g.heard > silence && g.out.empty()) end(g);
    }
    served_clients.remove_if([](const served_client& g) { return g.fd < 0; });
    if (watched[1].revents != 0) accept_all();
    if (watched[0].revents != 0) {
      std::uint64_t times;
      [[maybe_unused]] const auto n = ::read(wake, &times, sizeof times);
      if (wanted == 2) leaving = true;
      if (wanted == 1 && !stopping) {
        begin_stop();
        stopped.set_value();
      }
    }
    if (stopping && served_clients.empty() && options.stop != stop_way::ignore) leaving = true;
  }
  for (auto& g : served_clients) end(g);
  raise_event(gone);
}

faulty_server::faulty_server(faulty_options options) : state_(std::make_unique<state>()) {
  auto& s = *state_;
  s.options = std::move(options);
  s.wake = ::eventfd(0, EFD_CLOEXEC);
  s.gone = ::eventfd(0, EFD_CLOEXEC);
  s.open();
  s.thread = std::thread([&s] { s.run(); });
}

faulty_server::~faulty_server() {
  auto& s = *state_;
  s.wanted = 2;
  raise_event(s.wake);
  s.thread.join();
  for (const int fd : {s.listener, s.wake, s.gone}) {
    if (fd >= 0) ::close(fd);
  }
  if (s.options.address.starts_with("unix:")) ::unlink(s.options.address.c_str() + 5);
}

std::string faulty_server::url() const { return state_->url; }
int faulty_server::gone() const noexcept { return state_->gone; }
unsigned faulty_server::faults() const noexcept { return state_->faults; }
unsigned faulty_server::answered() const noexcept { return state_->answered; }

void faulty_server::stop() {
  state_->wanted = 1;
  raise_event(state_->wake);
  state_->stopped.get_future().wait();
}

}  // namespace lastcall::inline v0::testing
