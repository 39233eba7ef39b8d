// One accepted connection: its socket, its state, its one deadline and its farewell. Knows no protocol: one derives
// from it, and is told what happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/connection/connection_state.hpp"
#include "lastcall/net/connection/drain_rules.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/io_error.hpp"
#include "lastcall/net/loop/intrusive_list.hpp"
#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::net {

class connection_set;
class tls_context;
struct tls_peer;

namespace detail {
struct transport;
}

/// Threads: its loop's only, from `adopt` to the end. The set owns it.
///
/// A connection may become another one, which speaks what was agreed on: connection_set::replace.
class connection : public pollable, public timed, public list_hook<> {
 public:
  connection(connection_set& set, unique_fd socket, const endpoint& remote,
             connection_kind kind = connection_kind::tcp) noexcept;
  /// The replacement of `before`, for connection_set::replace: takes its socket, its state and its past. What `before`
  /// has received and not used is for the two to hand on.
  connection(connection& before, connection_kind kind) noexcept;
  ~connection() override;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  connection_state state() const noexcept { return state_; }
  connection_kind kind() const noexcept { return kind_; }
  const endpoint& remote() const noexcept { return remote_; }
  const connection_past& past() const noexcept { return past_; }

  /// Before it is adopted: what comes first is a proxy's header, with the client's address, or a TLS handshake (`tls`
  /// may be null), or both. Until they are over, at most until `by`, the protocol is told of its end only; then
  /// `on_open`. Errors: std::bad_alloc.
  void open_through(bool proxy_header, const std::shared_ptr<tls_context>& tls, time_point by);
  /// What ALPN came to; empty: nothing, or no TLS.
  std::string_view agreed_protocol() const noexcept;
  /// Who is at the other end of TLS; null: there is no TLS.
  std::shared_ptr<const tls_peer> tls_peer_at_hand() const noexcept;

  void on_ready(std::uint32_t epoll_events) noexcept final;
  void on_due(time_point now) noexcept final;

 protected:
  // The protocol is told:

  /// New bytes or the remote's end may be there: read until `would_block`, no later edge announces what is left behind.
  virtual void on_readable() noexcept = 0;
  /// What `open_through` asked for is over: the remote is known, TLS stands. The connection is fresh, without a bound.
  /// There may be bytes already.
  virtual void on_open() noexcept { on_readable(); }
  /// A proxy's header tells of a client whose address has too many connections: to be refused as if the server was
  /// full.
  virtual void on_overfull() noexcept {}
  /// What to tell a client that speaks HTTP where TLS is spoken.
  virtual std::string_view answer_to_plain_http() const noexcept { return {}; }
  /// There may be room to write again.
  virtual void on_writable() noexcept = 0;
  /// The drain began, or this connection was accepted during it. Idle and new ones are closed by their rules.
  virtual void on_drain() noexcept {}
  /// Its moment to tell a long-lived remote has come: somewhere in the jitter window of the drain. Only while upgraded;
  /// enters a state again, with the bound of its farewell.
  virtual void on_told() noexcept { farewell(); }
  /// It has been idle for as long as it may be, by its own bound or by the rules of the drain. Enters another state.
  virtual void on_idle_over() noexcept { half_close(); }
  /// The deadline of a new, reading, busy or upgraded connection passed.
  virtual void on_timeout() noexcept { end(connection_end::timed_out); }
  /// Since when it has been at work on something; empty: it is not.
  virtual std::optional<time_point> works_since() const { return std::nullopt; }
  /// What it is at work on.
  virtual std::string work_label() const { return {}; }
  /// As work_item::waits_for.
  virtual std::string work_waits_for() const { return {}; }
  /// It has ended; the socket is gone after this.
  virtual void on_end(connection_end) noexcept {}

  // The protocol does:

  io_result receive(char* into, std::size_t size) noexcept;
  io_result transmit(const char* from, std::size_t size) noexcept;
  /// From a file, without a copy. No bytes and not `would_block`: the file has ended, or is `unreadable`.
  /// Blocks: while the disk reads.
  io_result transmit_file(int file, std::uint64_t offset, std::size_t size) noexcept;

  /// The remote's end or an error was announced: a read that filled less than its buffer has not seen all.
  bool remote_is_ending() const noexcept { return remote_is_ending_; }
  /// How many bytes wait in the kernel. With TLS it is no less than what can be read of them and of what TLS holds, and
  /// may be more.
  std::size_t unread_bytes() const noexcept;
  /// How many bytes were written, and the remote's kernel has not acknowledged: shrinks as a slow remote reads, also
  /// while there is no room to write. 0 where that is not known.
  std::size_t unacknowledged() const noexcept;
  /// Whether anything was sent that `receive` has not brought: it asks the kernel. Of TLS it may be no bytes of the
  /// protocol's.
  bool may_have_unread() const noexcept { return unread_bytes() > 0; }
  /// Has the kernel announce again what is still unread: for whoever stops reading to let others have their turn.
  void rearm() noexcept;

  /// Moves to a state and bounds it: nothing lasts beyond `by`, and while draining not beyond what the rules allow.
  void enter(connection_state, time_point by) noexcept;
  /// When `on_told` will be called; time_point::max() before the drain and afterwards.
  time_point tell_at() const noexcept { return tell_at_; }
  /// Calls `on_told` as if its moment had come, for who is not upgraded: at most once.
  void tell() noexcept;
  /// It speaks something else from now on.
  void become(connection_kind) noexcept;
  /// A request has begun: learns how long this client pauses.
  void note_request() noexcept;
  /// A response has left: silence is counted from here.
  void note_response() noexcept;

  /// All that is to be said has been written: sends FIN, reads on until the remote's end or the linger bound, closes.
  /// Without it, unread bytes make the kernel send RST, and that can destroy the response on its way to the client.
  /// Source: RFC 9112 section 9.6.
  void farewell(connection_end as = connection_end::clean) noexcept;
  /// Closes now, without a farewell.
  void end(connection_end) noexcept;
  /// Closes now, with a reset: what was sent must not be taken for whole.
  void abort(connection_end) noexcept;
  /// Ends it as the error says; abnormal ends are logged with the remote's address.
  void end_by(io_end) noexcept;

  connection_set& set() const noexcept { return set_; }
  /// `on_open` is still to come.
  bool opening() const noexcept { return transport_ && still_opening(); }
  bool draining() const noexcept;  // these two, and what is asked for each request, are in connection_set.hpp
  time_point loop_now() const noexcept;

 private:
  friend class connection_set;

  void become(connection_state) noexcept;
  void leave() noexcept;
  bool input_waits() const noexcept;
  void readable() noexcept;
  void half_close() noexcept;
  void send_fin() noexcept;
  io_result discard(char* into, std::size_t size) noexcept;

  // Through TLS, and until it stands: connection_opening.cpp.
  bool still_opening() const noexcept;
  std::uint32_t events_through(std::uint32_t epoll_events) noexcept;
  io_result receive_through(char* into, std::size_t size) noexcept;
  bool holds_input() const noexcept;
  void go_on_opening() noexcept;
  bool read_header() noexcept;
  void give_up_opening(connection_end) noexcept;
  void handshake_failed() noexcept;
  void leave_transport(connection_end) noexcept;
  bool say_close() noexcept;
  void linger() noexcept;
  void bound(time_point by) noexcept;
  void drain() noexcept;
  void force() noexcept;

  connection_set& set_;
  unique_fd socket_;
  connection_state state_ = connection_state::fresh;
  connection_kind kind_;
  connection_end farewell_as_ = connection_end::clean;
  bool fin_acknowledged_ = false;
  bool remote_is_ending_ = false;
  bool emptied_ = false;   // after our FIN: what comes now was sent after it, or crossed it
  bool crossed_ = false;   // bytes arrived after our FIN
  bool fin_owed_ = false;  // TLS has more to say before it
  endpoint remote_;
  connection_past past_;
  time_point tell_at_ = time_point::max();        // while draining, until told
  std::unique_ptr<detail::transport> transport_;  // null for most
  time_point by_;                                 // the deadline; the wheel may fire earlier and is then told again
};

}  // namespace lastcall::inline v0::net
