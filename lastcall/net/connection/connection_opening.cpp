// The part of connection that is for TLS and for proxies: what happens before the protocol begins, and how bytes pass
// afterwards.
//
// While opening() the state is fresh, and each step is one call of continue_opening:
//   1 the proxy's header, if one is expected (transport::header): exactly its bytes are read, none of the next
//   2 the TLS handshake, if TLS is spoken (transport::tls)
//   3 on_open; without TLS the transport goes first, and the connection is a plain one from then on
// Each of them may fail or time out. Then the transport goes before the farewell, so that the farewell is plain TCP.
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lastcall/net/connection/connection.hpp"
#include "lastcall/net/connection/proxy_protocol.hpp"
#include "lastcall/net/connection/transport.hpp"

namespace lastcall::inline v0::net {

namespace {

/// Sent to a client whose handshake we end before our first byte: it may connect again at once.
/// Source: RFC 8446 section 6.1, user_canceled and close_notify, in clear.
constexpr char cancelled[] = {0x15, 3, 3, 0, 2, 1, 0x5a, 0x15, 3, 3, 0, 2, 1, 0};

}  // namespace

void connection::open_through(bool proxy_header, const std::shared_ptr<tls_context>& tls, time_point by) {
  auto p = std::make_unique<detail::transport>();
  if (proxy_header) p->header = std::make_unique<std::string>();
  if (tls) p->tls = std::make_unique<detail::tls_channel>(tls, socket_.get());
  p->open_by = by;
  transport_ = std::move(p);
  enter(connection_state::fresh, by);
}

std::string_view connection::agreed_protocol() const noexcept {
  return transport_ && transport_->tls ? transport_->tls->agreed_protocol() : std::string_view();
}

std::shared_ptr<const tls_peer> connection::tls_peer_at_hand() const noexcept {
  return transport_ && transport_->tls ? transport_->tls->peer() : nullptr;
}

bool connection::opening() const noexcept { return transport_ && !transport_->open; }

/// Turns events of the socket into events for the protocol; none while opening. TLS may have to write before it can
/// read, and the other way round: then the event for one is an event for the other, too.
std::uint32_t connection::events_for_protocol(std::uint32_t events) noexcept {
  if (opening()) {
    continue_opening();
    return 0;
  }
  const detail::tls_channel& tls = *transport_->tls;
  const bool to_read = tls.read_wants_write() || tls.holds_input();
  const bool to_write = tls.write_wants_read();
  if ((events & EPOLLOUT) && to_read) events |= EPOLLIN;
  if ((events & EPOLLIN) && to_write) events |= EPOLLOUT;
  return events;
}

void connection::continue_opening() noexcept {
  if (transport_->header && !read_header()) return;
  if (transport_->tls) {
    switch (transport_->tls->continue_handshake(remote_, loop_now())) {
      case detail::tls_channel::step::failed:
        return handshake_failed();
      case detail::tls_channel::step::would_block:
        // A handshake that makes progress is not silent: a drain waits for the rest of it.
        note_response();
        return enter(connection_state::fresh, transport_->open_by);
      case detail::tls_channel::step::done:
        transport_->open = true;
    }
  } else {
    transport_.reset();
  }
  note_response();
  enter(connection_state::fresh, time_point::max());
  on_open();
}

/// Reads the proxy's header from the socket, and not a byte more. False: it is not complete, or the connection ends.
bool connection::read_header() noexcept {
  std::string& header = *transport_->header;
  for (;;) {
    const proxy_header found = parse_proxy_header(header);
    if (found.what == proxy_header::kind::malformed) {
      set_.note_bad_header(remote_, found.why);
      transport_.reset();
      farewell();
      return false;
    }
    if (found.what == proxy_header::kind::complete) {
      set_.counts().count_proxy_header(true);
      if (found.client) {
        const bool full = set_.move_address(remote_, *found.client);
        remote_ = *found.client;
        if (full) on_overfull();
      }
      transport_->header.reset();
      return true;
    }
    const std::size_t had = header.size();
    if (!within_memory([&] { header.resize(found.bytes); })) return false;
    const io_result read =
        move_bytes(io_end::orderly, [&] { return ::recv(socket_.get(), header.data() + had, found.bytes - had, 0); });
    header.resize(had + read.bytes);
    if (read.bytes > 0) continue;
    if (read.would_block) {
      note_response();
      enter(connection_state::fresh, transport_->open_by);
    } else {
      if (had > 0) set_.note_bad_header(remote_, "it ended within its header");
      transport_.reset();
      end_by(read.end);
    }
    return false;
  }
}

/// The time for it has passed, or the remote was silent while the server drains.
void connection::give_up_opening(connection_end as) noexcept {
  if (transport_->header) {
    if (as == connection_end::timed_out) set_.note_bad_header(remote_, "its header did not come in time");
  } else if (transport_->tls) {
    transport_->tls->context().handshake_failed(draining() ? tls_failure::drained : tls_failure::timed_out, {}, remote_,
                                                loop_now());
    if (transport_->tls->received_any() && !transport_->tls->sent_any())
      ::send(socket_.get(), cancelled, sizeof cancelled, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  transport_.reset();
  farewell(as);
}

/// OpenSSL has sent an alert if one is due. The farewell reads what was left unread, since a reset could destroy it.
void connection::handshake_failed() noexcept {
  const tls_failure why = transport_->tls->failure();
  transport_.reset();
  if (why == tls_failure::client_left) return end(connection_end::by_remote);
  if (why == tls_failure::plain_http) {
    const std::string_view answer = answer_to_plain_http();
    ::send(socket_.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  farewell();
}

bool connection::send_close_notify() noexcept { return !transport_ || transport_->tls->send_close_notify(); }

/// The connection is about to be closed: close_notify for an intended end. One that is cut gets none, so that the
/// remote can tell the difference.
void connection::close_transport(connection_end how) noexcept {
  if (opening()) {
    if (transport_->tls && !transport_->header)
      transport_->tls->context().handshake_failed(how == connection_end::clean || how == connection_end::forced
                                                      ? tls_failure::drained
                                                      : tls_failure::client_left,
                                                  {}, remote_, loop_now());
  } else if (how == connection_end::clean || how == connection_end::by_remote) {
    static_cast<void>(send_close_notify());
  }
  transport_.reset();
}

}  // namespace lastcall::inline v0::net
