// States. The protocol moves between the first five by `enter`; the last two are this file's.
//   fresh, reading, busy, idle, upgraded    open; each has a deadline (`by_`), after which on_due decides
//   lingering    half_close has sent our FIN; `linger` reads until the remote's FIN, or until the deadline
//   closed       `end` has closed the socket; the object waits to be freed
//
// Ownership: connection_set holds a plain pointer. `end` is the only way out: owning_set::release takes the connection
// off its list, and the loop frees it after the batch. So `this` is valid until the outermost on_ready or on_due
// returns.
//
// Re-entrancy: nearly every call into the protocol (on_…) may end this connection, or start its farewell. The code
// after such a call returns at once, or looks at state_ first. `end` and `farewell` may be called in any state; in
// closed (farewell: also in lingering) they do nothing.
//
// The timer: `by_` may be later than the moment at which the wheel fires (see `bound`); on_due then sets it again.
#include "lastcall/net/connection/connection.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lastcall/net/connection/transport.hpp"
#include "lastcall/net/without_sigpipe.hpp"

namespace lastcall::inline v0::net {

namespace {

/// The remote's kernel has acknowledged our FIN, and so has every byte. Source: RFC 9293, FIN-WAIT-2.
bool fin_acknowledged(int fd) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;  // a Unix socket delivers at once
  return info.tcpi_state != TCP_FIN_WAIT1 && info.tcpi_state != TCP_ESTABLISHED;
}

constexpr int reads_per_wake = 16;  // from a remote that sends on after our FIN; then other connections are served

/// How long a remote may pause that sends on, where `linger` is shorter. Source: nginx's lingering_timeout.
constexpr duration sending_pause = std::chrono::seconds(5);

}  // namespace

const std::uint32_t connection::watched_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

connection::connection(owning_set& set, unique_fd socket, const endpoint& remote, connection_kind kind) noexcept
    : set_(set), socket_(std::move(socket)), kind_(kind), remote_(remote), by_(time_point::max()) {
  past_.last_active = set.loop().now();
  set_.counts().count_begin(state_, kind_);
}

connection::connection(connection& before, connection_kind kind) noexcept
    : set_(before.set_),
      socket_(std::move(before.socket_)),
      state_(before.state_),
      kind_(kind),
      remote_is_ending_(before.remote_is_ending_),
      remote_(before.remote_),
      past_(before.past_),
      transport_(std::move(before.transport_)),
      by_(before.by_) {
  set_.counts().count_begin(state_, kind_);
}

connection::~connection() = default;

void connection::on_ready(std::uint32_t events) noexcept {
  if (state_ == connection_state::closed) return;
  if (state_ == connection_state::lingering) return linger();
  if (events & EPOLLERR) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return end_by(classify_errno(error));
  }
  if (events & (EPOLLRDHUP | EPOLLHUP)) remote_is_ending_ = true;
  if (transport_) events = events_for_protocol(events);
  if (events & EPOLLOUT) on_writable();
  if (state_ == connection_state::closed || state_ == connection_state::lingering) return;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) on_readable();
}

// System calls, not recv and send: those of the C library are cancellation points, which cost two locked instructions
// each in a program with several threads. Our threads are never cancelled.

io_result connection::receive(char* into, std::size_t size) noexcept {
  io_result read;
  if (transport_) {
    read = transport_->tls->read(into, size);
    if (transport_->tls->input_over()) remote_is_ending_ = true;
  } else {
    read = move_bytes(io_end::orderly,
                      [&] { return ::syscall(SYS_recvfrom, socket_.get(), into, size, 0, nullptr, nullptr); });
  }
  set_.counts().count_received(read.bytes);
  return read;
}

io_result connection::transmit(const char* from, std::size_t size) noexcept {
  const io_result sent = transport_ ? transport_->tls->write(from, size) : move_bytes(io_end::open, [&] {
    return ::syscall(SYS_sendto, socket_.get(), from, size, MSG_NOSIGNAL, nullptr, 0);
  });
  set_.counts().count_sent(sent.bytes);
  return sent;
}

io_result connection::transmit_file(int file, std::uint64_t offset, std::size_t size) noexcept {
  io_result sent;
  if (transport_) {
    sent = transport_->tls->write_file(file, offset, size);
  } else {
    off_t at = static_cast<off_t>(offset);
    sent = move_bytes(io_end::open, [&] {
      return detail::without_sigpipe([&] { return ::sendfile(socket_.get(), file, &at, size); });
    });
    sent.unreadable = sent.end == io_end::other;  // sockets fail in ways that have names
  }
  set_.counts().count_sent(sent.bytes);
  return sent;
}

/// Asked before a connection is closed as silent. A timer may fire before the readiness of the same moment, and the
/// loop may have been busy for longer than the silence: bytes that have arrived are a request. With TLS the kernel's
/// answer is enough, since tls_channel::read leaves no complete record unread.
bool connection::input_waits() const noexcept {
  char first;
  return ::recv(socket_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void connection::on_due(time_point now) noexcept {
  if (now < by_) return set_.loop().schedule(*this, by_);
  if (state_ == connection_state::upgraded && tell_at_ <= now) return tell();
  switch (state_) {
    case connection_state::lingering:
      linger();  // the remote's FIN may have come while the loop was busy
      if (state_ == connection_state::lingering && now >= by_)
        end(fin_acknowledged_ ? farewell_as_ : connection_end::timed_out);
      return;
    case connection_state::idle:
      return input_waits() ? readable() : on_idle_over();
    case connection_state::fresh:
      if (input_waits()) return readable();
      if (opening()) return give_up_opening(draining() ? connection_end::clean : connection_end::timed_out);
      return draining() ? half_close() : on_timeout();
    case connection_state::reading:
      if (input_waits()) readable();
      if (state_ == connection_state::reading && now >= by_) on_timeout();
      return;
    default:
      return on_timeout();
  }
}

void connection::readable() noexcept { opening() ? continue_opening() : on_readable(); }

void connection::farewell(connection_end as) noexcept {
  if (state_ == connection_state::closed || state_ == connection_state::lingering) return;
  farewell_as_ = as;
  half_close();
  // What came before our FIN was announced before it, too: no further event would make us read it.
  if (state_ == connection_state::lingering) linger();
}

/// Our half of the close. The deadline is the linger time alone: the drain's rules are for connections without a FIN.
void connection::half_close() noexcept {
  if (opening()) transport_.reset();
  if (set_.options().linger <= duration::zero()) return end(farewell_as_);
  if (transport_ && !send_close_notify()) {
    fin_owed_ = true;
  } else if (::shutdown(socket_.get(), SHUT_WR) != 0) {
    return end_by(classify_errno(errno));
  }
  become(connection_state::lingering);
  past_.last_active = loop_now();  // from here on the time of our FIN
  bound(linger_until(loop_now()));
}

/// For a TLS connection whose socket was full at half_close: close_notify first, then the FIN.
void connection::send_fin() noexcept {
  if (!send_close_notify()) return;
  fin_owed_ = false;
  ::shutdown(socket_.get(), SHUT_WR);  // a reset is found by the next read
}

/// Reads and drops what comes until would_block. The first would_block is the boundary: bytes that come later have
/// crossed our FIN, perhaps with a request.
void connection::linger() noexcept {
  if (fin_owed_) send_fin();
  char unwanted[16 * 1024];
  bool came = false;
  for (int i = 0; i < reads_per_wake; ++i) {
    const io_result read =
        transport_ ? transport_->tls->discard(unwanted, sizeof unwanted) : receive(unwanted, sizeof unwanted);
    if (read.bytes > 0) {
      crossed_ = crossed_ || emptied_;
      came = true;
      continue;
    }
    if (!read.would_block && read.end == io_end::open) continue;
    emptied_ = true;
    if (read.end == io_end::orderly || (read.end != io_end::open && fin_acknowledged_)) return end(farewell_as_);
    if (read.end != io_end::open) return end_by(read.end);  // perhaps not all of the response has arrived
    if (came) linger_on();
    // EPOLLOUT comes when our FIN is acknowledged. From then on only the remote's FIN is missing, for a shorter time.
    if (!fin_acknowledged_ && (fin_acknowledged_ = fin_acknowledged(socket_.get())) && !sends_on_)
      bound(std::min(by_, loop_now() + set_.options().linger_acknowledged));
    return;
  }
  linger_on();
  rearm();
}

/// Bytes have come. A remote that sends on has not read our answer yet: a close now would reset it, and the reset would
/// destroy the answer.
void connection::linger_on() noexcept {
  sends_on_ = sends_on_ || crossed_;
  const time_point now = loop_now();
  if (!sends_on_ || (draining() && now >= by_)) return;
  bound(linger_until(now));
}

/// When a farewell is over whose remote is silent from now on. While draining, a pause has the linger time only.
time_point connection::linger_until(time_point now) const noexcept {
  const time_point silent = set_.linger_until(now);
  if (!sends_on_) return silent;
  const time_point paused = draining() ? silent : std::max(silent, now + sending_pause);
  return std::min(paused, past_.last_active + set_.options().linger_sending);
}

void connection::tell() noexcept {
  if (tell_at_ == time_point::max()) return;
  tell_at_ = time_point::max();
  set_.count_told(kind_);
  on_told();
}

void connection::become(connection_kind kind) noexcept {
  set_.counts().move_kind(kind_, kind);
  kind_ = kind;
}

std::size_t connection::unread_bytes() const noexcept {
  int bytes = 0;
  const std::size_t held = transport_ && transport_->tls->holds_input() ? detail::tls_channel::most_held_bytes : 0;
  return held + (::ioctl(socket_.get(), FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
}

std::size_t connection::unacknowledged() const noexcept {
  int bytes = 0;
  return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

void connection::rearm() noexcept { set_.loop().rewatch(socket_.get(), *this, watched_events); }

void connection::end_by(io_end how) noexcept {
  if (state_ == connection_state::closed) return;
  if (abnormal(how)) set_.note_abnormal(remote_, state_, how);
  end(how == io_end::timed_out ? connection_end::timed_out
      : abnormal(how)          ? connection_end::reset
                               : connection_end::by_remote);
}

/// The kernel sends the reset now, also while a child process has a copy of the socket: connect(2), AF_UNSPEC.
void connection::abort(connection_end how) noexcept {
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  ::connect(socket_.get(), &nobody, sizeof nobody);
  end(how);
}

void connection::end(connection_end how) noexcept {
  if (state_ == connection_state::closed) return;
  on_end(how);  // before TLS ends, since the protocol may still send
  if (transport_) close_transport(how);
  leave();
  // A child process that was forked without exec may have a copy of the descriptor. Then close alone ends neither the
  // events nor the connection: the remote would wait for our FIN.
  set_.loop().forget(socket_.get());
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
  set_.release(*this, how, crossed_);
}

/// For the end, and for the one that is replaced: not counted as open any more, and without a timer.
void connection::leave() noexcept {
  become(connection_state::closed);
  set_.counts().count_departure(kind_);
  timer_node::cancel();
}

/// The set calls it once. A lingering connection is only bounded; any other learns its moment to be told, and gets the
/// deadline of the rules, which may have passed already.
void connection::drain() noexcept {
  if (state_ == connection_state::lingering) return bound(std::min(by_, set_.linger_until(loop_now())));
  tell_at_ = set_.next_tell_at();
  on_drain();
  if (state_ == connection_state::closed || state_ == connection_state::lingering) return;
  enter(state_, by_);
  if (by_ <= loop_now()) on_due(loop_now());
}

/// How it ends says whose fault it is: ours (forced) only if a request or a response was cut.
void connection::force() noexcept {
  switch (state_) {
    case connection_state::closed:
      return;
    case connection_state::fresh:
    case connection_state::idle:
      return end(input_waits() ? connection_end::forced : connection_end::clean);
    case connection_state::lingering:
      return end(fin_acknowledged_ ? farewell_as_ : connection_end::timed_out);  // the remote's FIN did not come
    default:
      return end(connection_end::forced);
  }
}

}  // namespace lastcall::inline v0::net
