// One accepted connection: its socket, its state, its one deadline and its farewell. Knows no protocol: a protocol
// derives from it, and is called when something happens.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/connection/connection_state.hpp"
#include "lastcall/net/connection/drain_rules.hpp"
#include "lastcall/net/connection/owning_set.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/io_error.hpp"
#include "lastcall/net/loop/intrusive_list.hpp"
#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::net {

class tls_context;
struct tls_peer;

namespace detail {
struct transport;
}

/// A connection_set owns it from `adopt` to its end, and frees it after the batch of events in which it ended: a
/// function of it may still be running then. After any call that may end it, a protocol looks at `state()`.
/// Threads: its loop's only.
///
/// When the two ends agree on another protocol, another object takes its place: owning_set::replace.
class connection : public pollable, public timed, public list_hook<> {
 public:
  connection(owning_set& set, unique_fd socket, const endpoint& remote,
             connection_kind kind = connection_kind::tcp) noexcept;
  /// The replacement of `before`, for owning_set::replace. Takes its socket, state and past. It does not take
  /// bytes that `before` has received and not used: pass them on.
  connection(connection& before, connection_kind kind) noexcept;
  ~connection() override;
  connection& operator=(connection&&) = delete;

  connection_state state() const noexcept { return state_; }
  const endpoint& remote() const noexcept { return remote_; }
  const connection_past& past() const noexcept { return past_; }

  /// Puts a proxy's header (with the client's address) or a TLS handshake (`tls` may be null) before the protocol, or
  /// both. They have until `by`. Then `on_open` is called; until then only `on_end` can be.
  /// To be called before `adopt`. Errors: std::bad_alloc.
  void open_through(bool proxy_header, const std::shared_ptr<tls_context>& tls, time_point by);
  /// The protocol that ALPN has chosen; empty: none, or no TLS.
  std::string_view agreed_protocol() const noexcept;
  /// What TLS knows of the remote; null without TLS.
  std::shared_ptr<const tls_peer> tls_peer_at_hand() const noexcept;

  void on_ready(std::uint32_t epoll_events) noexcept final;
  void on_due(time_point now) noexcept final;

 protected:
  // A protocol is called:

  /// There may be new bytes, or the remote's end. Read until `would_block`: there is no second event for bytes that are
  /// left behind; see `rearm`.
  virtual void on_readable() noexcept = 0;
  /// Header and handshake are complete. The state is fresh, without a deadline. There may be bytes already.
  virtual void on_open() noexcept { on_readable(); }
  /// The client that the proxy names has too many connections: refuse it, as when the server is full.
  virtual void on_overfull() noexcept {}
  /// What to answer a client that speaks plain HTTP where TLS is expected.
  virtual std::string_view answer_to_plain_http() const noexcept { return {}; }
  /// There may be room to write again.
  virtual void on_writable() noexcept = 0;
  /// The drain has begun, or had begun before `adopt`. Idle and fresh connections are closed without the protocol.
  virtual void on_drain() noexcept {}
  /// While upgraded and draining: the moment to tell the remote has come. Enters a state again, with a new deadline.
  virtual void on_told() noexcept { farewell(); }
  /// It was idle for too long, by its own deadline or by the drain's rules. Enters another state.
  virtual void on_idle_over() noexcept { half_close(); }
  /// The deadline of a fresh, reading, busy or upgraded connection has passed.
  virtual void on_timeout() noexcept { end(connection_end::timed_out); }
  /// When the work that is in progress began; empty: there is none.
  virtual std::optional<time_point> works_since() const { return std::nullopt; }
  virtual std::string work_label() const { return {}; }
  virtual std::string work_waits_for() const { return {}; }  ///< As work_item::waits_for.
  /// The connection has ended; its socket is closed after this.
  virtual void on_end(connection_end) noexcept {}

  // A protocol calls:

  io_result receive(char* into, std::size_t size) noexcept;
  io_result transmit(const char* from, std::size_t size) noexcept;
  /// From a file, without a copy. 0 bytes and not `would_block`: the file has ended, or is `unreadable`.
  /// Blocks: while the disk reads.
  io_result transmit_file(int file, std::uint64_t offset, std::size_t size) noexcept;

  /// The remote's end or an error was announced. From then on, a `receive` that does not fill its buffer
  /// does not mean that nothing is left.
  bool remote_is_ending() const noexcept { return remote_is_ending_; }
  /// How many bytes wait in the kernel. With TLS it is an upper bound, with the bytes that TLS holds.
  std::size_t unread_bytes() const noexcept;
  /// How many bytes were written and not acknowledged by the remote's kernel; 0 where that is not known. It shrinks
  /// when a slow remote reads, also while there is no room to write.
  std::size_t unacknowledged() const noexcept;
  /// Asks the kernel whether anything came that `receive` has not returned. With TLS it may be no data of the protocol.
  bool may_have_unread() const noexcept { return unread_bytes() > 0; }
  /// Makes the kernel announce unread bytes once more. For a protocol that stops reading to let other connections run.
  void rearm() noexcept;

  /// Changes the state and sets the deadline. While draining the deadline is no later than the drain's rules allow.
  void enter(connection_state, time_point by) noexcept;
  /// When `on_told` will be called; time_point::max() before the drain, and after the call.
  time_point tell_at() const noexcept { return tell_at_; }
  /// Calls `on_told` now, if it was not called yet and the drain has begun. The state need not be upgraded.
  void tell() noexcept;
  void become(connection_kind) noexcept;
  /// A request has begun: the time since the last response is a pause of this client.
  void note_request() noexcept;
  /// A response has left: the silence begins now.
  void note_response() noexcept { past_.last_active = loop_now(); }

  /// To be called when all has been written: sends FIN, reads on until the remote's end or the linger time, closes.
  /// Without it, unread bytes make the kernel send RST, and that can destroy the response on its way to the client.
  /// Source: RFC 9112 section 9.6.
  void farewell(connection_end as = connection_end::clean) noexcept;
  /// The remote is amid a message, or may be: a farewell from now on gives it the time to send on.
  void expect_more() noexcept { sends_on_ = true; }
  /// Closes now, without a farewell.
  void end(connection_end) noexcept;
  /// Closes now, with a reset, so that the remote does not take an incomplete response for a complete one.
  void abort(connection_end) noexcept;
  /// Calls `f`. False: it threw, as when memory is out, and the connection has ended. Not for on_end.
  template <class F> bool within_memory(F f) noexcept {
    try {
      return f(), true;
    } catch (const std::exception&) {
      return end(connection_end::forced), false;
    }
  }
  /// Ends it as the error says. Logs an abnormal end with the remote's address.
  void end_by(io_end) noexcept;

  owning_set& set() const noexcept { return set_; }
  /// `on_open` is still to come.
  bool opening() const noexcept;
  bool draining() const noexcept { return set_.draining(); }
  /// The loop's time, at no cost; see loop::now.
  time_point loop_now() const noexcept { return set_.loop().now(); }

 private:
  // The set calls `drain`, `force` and `leave`, and watches the socket. The connection knows the set as owning_set.
  friend class connection_set;
  static const std::uint32_t watched_events;  // epoll's, edge-triggered
  void drain() noexcept;
  void force() noexcept;
  void leave() noexcept;

  void become(connection_state) noexcept;
  void bound(time_point by) noexcept;
  bool input_waits() const noexcept;
  void readable() noexcept;
  void half_close() noexcept;
  void send_fin() noexcept;
  void linger() noexcept;
  void linger_on() noexcept;
  time_point linger_until(time_point now) const noexcept;

  // What a proxy's header and TLS need: connection_opening.cpp. All but `continue_opening` need a transport_.
  std::uint32_t events_for_protocol(std::uint32_t epoll_events) noexcept;
  void continue_opening() noexcept;
  bool read_header() noexcept;
  void give_up_opening(connection_end) noexcept;
  void handshake_failed() noexcept;
  bool send_close_notify() noexcept;
  void close_transport(connection_end) noexcept;

  owning_set& set_;
  unique_fd socket_;
  connection_state state_ = connection_state::fresh;
  connection_kind kind_;
  connection_end farewell_as_ = connection_end::clean;
  bool fin_acknowledged_ = false;
  bool remote_is_ending_ = false;
  bool emptied_ = false;   // lingering: all that came before our FIN was read; further bytes crossed it
  bool crossed_ = false;   // bytes arrived after our FIN
  bool sends_on_ = false;  // the remote may send further bytes of a message, or has sent some after our FIN
  bool fin_owed_ = false;  // lingering: close_notify is not sent yet, and our FIN comes after it
  endpoint remote_;
  connection_past past_;
  time_point tell_at_ = time_point::max();        // while draining, until told
  std::unique_ptr<detail::transport> transport_;  // null: a plain connection, and its protocol has begun
  time_point by_;                                 // the deadline; the timer may fire earlier, and is then set again
};

// Called for each request, therefore inline.

inline void connection::become(connection_state state) noexcept {
  if (state == state_) return;
  set_.counts().move_state(state_, state);
  state_ = state;
}

inline void connection::enter(connection_state state, time_point by) noexcept {
  become(state);
  if (set_.draining()) {
    by = std::min(by, set_.close_at(state, past_));
    if (state == connection_state::upgraded) by = std::min(by, tell_at_);
  }
  bound(by);
}

/// The timer is not moved to a later time: a busy connection would do that for each request. `on_due` sets it again.
inline void connection::bound(time_point by) noexcept {
  by_ = by;
  if (!armed() || due() > by) set_.loop().schedule(*this, by);
}

inline void connection::note_request() noexcept {
  past_.longest_pause = remember_pause(past_.longest_pause, loop_now() - past_.last_active);
}

}  // namespace lastcall::inline v0::net
