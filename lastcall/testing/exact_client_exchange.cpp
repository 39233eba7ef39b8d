// One request: connect, send, receive, the verdict, and what becomes of the connection afterwards.
//
// States of a link: closed → (queued →) connecting → exchanging → silent, or → farewell on a link of its own, or →
// closed. Events are edge-triggered: each function reads or writes until EAGAIN. Any of them may finish the request and
// reuse the link; so callers remember its generation, and stop when it has changed.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "lastcall/testing/exact_client_loop.hpp"

namespace lastcall::inline v0::testing {

namespace {

using namespace std::chrono_literals;

constexpr auto pace = 10ms;          // between two slices of a body that is spread over time
constexpr auto farewell_limit = 1s;  // for the remote's end after its last response
constexpr std::size_t slice = 65536;
constexpr char filler[slice] = {};  // bodies are zeros

/// The kernel has the remote's FIN or RST already. Valid only for this moment: a FIN that comes right after it crosses
/// our request.
bool remote_has_ended(int fd, int family) {
  if (family == AF_UNIX) {
    char byte;
    const auto n = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }
  unsigned char state = TCP_ESTABLISHED;  // the first member of tcp_info; the kernel copies as much as we ask for
  socklen_t size = sizeof state;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &size) == 0 && state != TCP_ESTABLISHED;
}

ending connect_error(int error, int family) {
  switch (error) {
    case ECONNREFUSED:
      return ending::refused;
    case ENOENT:
      return family == AF_UNIX ? ending::refused : ending::unreachable;  // the path was removed
    case ECONNRESET:
    case EPIPE:
      return ending::rst;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN:
    case EADDRNOTAVAIL:
      return ending::own_limit;
    default:
      return ending::unreachable;
  }
}

}  // namespace

void exact_client_loop::begin(link& l, time_point since) {
  l.began = since;
  l.sent = 0;
  l.end_was_there = false;
  l.readable = false;
  if (!l.of->asks_nothing()) l.of->result.count.begin();
  if (l.fd < 0) return connect(l);
  l.reached = progress::connected;
  l.end_was_there = remote_has_ended(l.fd, server_.family());
  l.send_began = now_;
  l.now = link::state::exchanging;
  l.reply.begin(l.of->head_requests);
  send(l);
}

void exact_client_loop::connect(link& l) {
  l.reached = progress::connecting;
  l.now = link::state::connecting;
  l.answered_here = 0;
  l.remote_ended = l.end_flagged = false;
  l.connect_began = std::chrono::steady_clock::now();
  l.fd = ::socket(server_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (l.fd < 0) {
    note_fault(*l.of, std::strerror(errno));
    return finish(l, connect_error(errno, server_.family()));
  }
  const int on = 1;
  if (server_.family() != AF_UNIX) ::setsockopt(l.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(l.fd, reinterpret_cast<const sockaddr*>(&server_.address), server_.length) == 0) {
    watch(l);
    return connected(l);
  }
  if (errno == EINPROGRESS) return watch(l);
  if (errno == EAGAIN && server_.family() == AF_UNIX) {
    drop(l);
    l.now = link::state::queued;
    return arm(l, now_ + 1ms);
  }
  const int error = errno;
  if (error != ECONNREFUSED) note_fault(*l.of, std::strerror(error));
  finish(l, connect_error(error, server_.family()));
}

/// The generation is part of the event, so that events of an earlier descriptor are recognized.
void exact_client_loop::watch(link& l) {
  ++l.generation;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = std::uint64_t{l.generation} << 32 | l.index;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, l.fd, &event);
}

void exact_client_loop::connected(link& l) {
  ++l.of->result.connections;
  if (l.of->asks_nothing()) {
    l.now = link::state::silent;
    ++l.of->standing;
    return open_more(*l.of);
  }
  l.reached = progress::connected;
  l.now = link::state::exchanging;
  l.send_began = now_;
  l.reply.begin(l.of->head_requests);
  send(l);
}

/// How much of a body that is spread over time may have passed by now.
std::uint64_t exact_client_loop::allowance(const link& l) const {
  const auto& o = l.of->result.options;
  if (o.over <= 0s || o.bytes == 0) return UINT64_MAX;
  const double share = std::chrono::duration<double>(now_ - l.send_began + pace) / o.over;
  return share >= 1 ? UINT64_MAX : static_cast<std::uint64_t>(share * static_cast<double>(o.bytes));
}

void exact_client_loop::send(link& l) {
  const auto& head = l.of->head;
  const auto total = l.of->request_bytes;
  if (l.sent >= total) return;
  const bool uploads = l.of->result.options.kind == load_kind::upload;
  const auto body_allowed = uploads ? allowance(l) : UINT64_MAX;
  const auto allowed = body_allowed > total ? total : std::min(total, head.size() + body_allowed);
  while (l.sent < allowed) {
    const bool in_head = l.sent < head.size();
    const char* const from = in_head ? head.data() + l.sent : filler;
    const auto count = in_head ? head.size() - l.sent : std::min<std::uint64_t>(slice, allowed - l.sent);
    const auto n = ::send(l.fd, from, static_cast<std::size_t>(count), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) return;  // an event will come
      // The response may have come before the end: read first, then judge.
      l.end_flagged = true;
      const auto generation = l.generation;
      receive(l);
      if (l.generation == generation && l.now == link::state::exchanging) finish(l, ending::rst);
      return;
    }
    if (l.sent == 0) l.of->result.count.sent();
    l.sent += static_cast<std::uint64_t>(n);
  }
  if (l.sent < total) return arm(l, now_ + pace);
  if (l.of->result.options.kind == load_kind::half_closed) ::shutdown(l.fd, SHUT_WR);
}

/// Reads until the response is complete. When the end was announced, also what comes after the response: there must be
/// none.
void exact_client_loop::receive(link& l) {
  const bool paced = l.of->result.options.kind == load_kind::download && l.of->result.options.over > 0s;
  for (;;) {
    std::size_t room = buffer_.size();
    if (paced) {
      const auto allowed = allowance(l), had = l.reply.body_bytes();
      if (allowed <= had) return arm(l, now_ + pace);
      room = static_cast<std::size_t>(std::min<std::uint64_t>(room, allowed - had));
    }
    const auto n = ::recv(l.fd, buffer_.data(), room, 0);
    if (n > 0) {
      const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
      l.reached = progress::receiving;
      const auto used = l.reply.take(bytes);
      if (l.reply.malformed()) {
        note_fault(*l.of, l.reply.fault());
        return finish(l, ending::malformed);
      }
      if (l.reply.complete()) {
        if (used < bytes.size()) {
          note_fault(*l.of, "bytes behind the response");
          return finish(l, ending::malformed);
        }
        if (l.end_flagged) {  // the end may have come already, before the next request is sent
          const auto more = ::recv(l.fd, buffer_.data(), buffer_.size(), 0);
          if (more > 0) {
            note_fault(*l.of, "bytes behind the response");
            return finish(l, ending::malformed);
          }
          l.remote_ended = more == 0 || (errno != EAGAIN && errno != EINTR);
          if (l.remote_ended) ++(more == 0 ? l.of->result.ends.fin : l.of->result.ends.rst);
        }
        return finish(l, ending::complete);
      }
      if (bytes.size() < room && !l.end_flagged) {
        l.readable = false;
        return;
      }
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      l.readable = false;
      return;
    }
    l.remote_ended = true;
    if (n < 0) return finish(l, errno == ETIMEDOUT ? ending::timeout : ending::rst);
    l.reply.take_end();
    if (l.reply.complete()) ++l.of->result.ends.fin;
    return finish(l, l.reply.complete() ? ending::complete : ending::fin);
  }
}

/// A 2xx response is wrong when the number of bytes is: for an upload the number in its body, for a download its
/// length.
ending exact_client_loop::check_answer(const link& l) const {
  const auto& o = l.of->result.options;
  if (l.reply.status() / 100 != 2) return ending::complete;
  const auto text = l.reply.body_start();
  if (o.kind == load_kind::upload) {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool number =
        error == std::errc() && l.reply.body_bytes() <= 21 &&
        text.substr(static_cast<std::size_t>(end - text.data())).find_first_not_of("\r\n ") == text.npos;
    if (number && count != o.bytes) return ending::malformed;
  }
  if (o.kind == load_kind::download && o.bytes > 0 && l.reply.body_bytes() != o.bytes) return ending::malformed;
  return ending::complete;
}

/// The only end of a request: counts the verdict, then keeps the connection (silent), drops it, or lets it part.
void exact_client_loop::finish(link& l, ending how) {
  const auto at = std::chrono::steady_clock::now();
  auto& r = l.of->result;
  l.timer = 0;
  if (l.of->asks_nothing()) r.count.begin();  // a client without requests counts only when it fails
  if (how == ending::complete && check_answer(l) != ending::complete) {
    how = ending::malformed;
    note_fault(*l.of, r.options.kind == load_kind::upload ? "the server counted other bytes than were sent"
                                                          : "the body has another length than was asked for");
  }
  const auto what = judge({l.reached, how, l.end_was_there, signalled_});
  r.count.end(what);
  ++l.rounds;
  if (what == verdict::answered) {
    const int status = l.reply.status();
    r.answered.add(at - l.began);
    ++r.status_class[static_cast<std::size_t>(status / 100)];
    last_response_ = at;
    if (signalled_ && status >= 500) {
      ++r.server_errors_after;
    } else if (r.options.expect != 0 && status != r.options.expect) {
      ++r.unexpected;
    }
    ++l.answered_here;
  } else if (what == verdict::refused_after) {
    r.refused.add(at - l.connect_began);
    if (!first_refusal_) first_refusal_ = at;
  }
  const bool whole = what == verdict::answered && l.sent >= l.of->request_bytes;
  if (l.remote_ended || what != verdict::answered) {
    drop(l);
  } else if (!whole || l.reply.closes() || l.of->fresh_each()) {
    part(l);
  } else {
    l.now = link::state::silent;
  }
  continue_client(l, what);
}

/// The client continues without this connection, which waits for the remote's end, so that bytes after the response are
/// noticed.
void exact_client_loop::part(link& l) {
  auto& f = free_link(*l.of);
  f.fd = std::exchange(l.fd, -1);
  f.answered_here = 1;
  f.now = link::state::farewell;
  l.now = link::state::closed;
  ++l.generation;
  ++f.generation;
  ++farewells_;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.u64 = std::uint64_t{f.generation} << 32 | f.index;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, f.fd, &event);  // announces again what is ready
  arm(f, now_ + farewell_limit);
}

void exact_client_loop::end_farewell(link& l) {
  --farewells_;
  release(l);
}

void exact_client_loop::drop(link& l) {
  if (l.fd >= 0) ::close(std::exchange(l.fd, -1));
  ++l.generation;
  l.timer = 0;
  l.now = link::state::closed;
}

void exact_client_loop::on_event(link& l, std::uint32_t events) {
  const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  l.end_flagged = l.end_flagged || ended;
  if (l.now == link::state::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(l.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      if (error != ECONNREFUSED) note_fault(*l.of, std::strerror(error));
      return finish(l, connect_error(error, server_.family()));
    }
    if ((events & EPOLLOUT) == 0) return;
    const auto generation = l.generation;
    connected(l);
    if (l.generation != generation) return;
    events &= ~EPOLLOUT;
  }
  if (l.now == link::state::exchanging) {
    const auto generation = l.generation;
    if ((events & EPOLLOUT) != 0) send(l);
    if (l.generation != generation || l.now != link::state::exchanging) return;
    if ((events & EPOLLIN) != 0 || ended) {
      l.readable = true;
      receive(l);
    }
  } else if (l.now == link::state::silent || l.now == link::state::farewell) {
    on_quiet(l, events);
  }
}

/// A connection without a request: its end is expected, but no byte.
void exact_client_loop::on_quiet(link& l, std::uint32_t events) {
  auto& r = l.of->result;
  const bool client = l.client;
  if (l.of->idle() && r.options.deaf) {  // by the events alone, since it does not read
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0 || l.ended_noted) return;
    l.ended_noted = true;
    ++((events & EPOLLERR) != 0 ? r.ends.rst : r.ends.fin);
    return end_client(l);
  }
  const auto n = ::recv(l.fd, buffer_.data(), buffer_.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) {
    note_fault(*l.of, "bytes that nobody asked for");
    if (l.answered_here > 0) {
      r.count.spoil();
    } else {  // bytes without a request
      r.count.begin();
      r.count.end(verdict::garbage);
    }
  } else {
    ++(n == 0 ? r.ends.fin : r.ends.rst);
  }
  const bool farewell = l.now == link::state::farewell;
  const auto timer = l.timer;
  drop(l);
  if (farewell) return end_farewell(l);
  l.timer = timer;  // a pause continues; the next request opens a new connection
  if (client && l.of->idle()) end_client(l);
}

void exact_client_loop::on_timer(link& l) {
  switch (l.now) {
    case link::state::queued:
      return connect(l);
    case link::state::exchanging:
      if (l.of->result.options.kind == load_kind::download) return l.readable ? receive(l) : void();
      return send(l);
    case link::state::farewell:
      drop(l);
      return end_farewell(l);
    case link::state::closed:
    case link::state::silent:
      if (l.client) begin(l, std::chrono::steady_clock::now());
      return;
    case link::state::connecting:
      return;
  }
}

void exact_client_loop::note_fault(group& g, const char* what) {
  if (g.result.first_fault.empty()) g.result.first_fault = what;
}

}  // namespace lastcall::inline v0::testing
