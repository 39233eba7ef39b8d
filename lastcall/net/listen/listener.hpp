// A listening socket that can be closed without resetting anybody: TCP over IPv4, IPv6 or both, and Unix-domain. It
// accepts when asked to; it has no loop, no thread and no timer (settle_plan says when to close, connection_server
// drives both).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "lastcall/core/result.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::net {

class tls_context;

struct listener_options {
  endpoint where = {};      ///< Port 0: the kernel picks one, `local` tells it. Not used with `inherited_fd`.
  int backlog = 4096;       ///< The kernel cuts it to net.core.somaxconn.
  bool v6_only = false;     ///< `::` takes IPv4 clients too unless this is set.
  bool reuse_port = false;  ///< Opens or joins an SO_REUSEPORT group. Not for Unix-domain.
  bool successor = false;   ///< With `reuse_port`: others in the group are expected, so don't look for them.
  std::optional<mode_t> unix_mode = {};  ///< Permissions of the path; empty: as the umask says.
  int inherited_fd = -1;  ///< A listening socket that somebody else owns as well; taken over, never unplugged.
  /// For connection_server: what comes from here speaks TLS. The listener itself does not look at it.
  std::shared_ptr<tls_context> tls = {};
};

/// How new handshakes are kept away while a listener is being closed; in the report.
enum class closing_way : unsigned char {
  unplug,       ///< New clients are refused at once, handshakes in flight are finished. No privilege.
  steer,        ///< New clients go to the rest of the SO_REUSEPORT group. No privilege.
  filter,       ///< SYNs are dropped, so new clients are refused after 1 s or more. CAP_NET_ADMIN on newer kernels.
  remove_path,  ///< Unix-domain: the path goes; what has connected is accepted.
  accept_until_empty,  ///< Nothing keeps new clients away: handshakes in flight are lost.
  plain,               ///< As most servers do: the accept queue and handshakes in flight are reset. For comparison.
  leave                ///< Somebody else owns it too: we stop accepting, and the queue stays for the owner.
};

/// Whether handshakes in flight will still finish, so that waiting for them (`settle_plan::unplugged`) is worth it.
constexpr bool settles(closing_way way) noexcept {
  return way == closing_way::unplug || way == closing_way::steer || way == closing_way::filter;
}

/// Whether the accept queue is to be emptied before the close.
constexpr bool empties_queue(closing_way way) noexcept {
  return way != closing_way::plain && way != closing_way::leave;
}

std::string_view to_text(closing_way way) noexcept;  ///< "unplug", "accept until empty", …

/// Keeps new clients away from a listening TCP socket for good: by `unplug`, or else by `filter`; says
/// `accept_until_empty` when neither was possible. It acts on the socket, for every process that shares it.
closing_way keep_clients_away(int listening, closing_way preferred = closing_way::unplug) noexcept;

/// What a failed accept means. Not for the accepted connection, which has no error yet.
enum class accept_error : unsigned char {
  again,      ///< The queue is empty: wait for readiness.
  aborted,    ///< This client has gone, or the network lost it: go on with the next.
  exhausted,  ///< No descriptors, buffers or memory: pause; the client stays in the queue. At once it would spin.
  fatal       ///< The socket is no listener any more.
};
accept_error classify_accept(const std::error_code& error) noexcept;

/// Where this listener stands in its SO_REUSEPORT group: in the order in which its members began to listen, from 0.
struct reuse_group {
  unsigned position = 0;
  unsigned size = 1;
};

struct accepted {
  unique_fd fd;  ///< Non-blocking, close-on-exec; TCP_NODELAY is set.
  endpoint remote;
};

/// Threads: one at a time.
class listener {
 public:
  /// Binds and listens. A Unix-domain path that nobody accepts on any more is replaced. With `reuse_port` and not
  /// `successor`, it first makes sure that nobody else listens there, since the kernel would let both.
  /// Errors: `std::system_error` that names address, reason and remedy; `std::invalid_argument` for options.
  explicit listener(listener_options options);
  listener(listener&&) noexcept = default;
  listener& operator=(listener&&) = delete;
  ~listener() { close(); }

  int fd() const noexcept { return fd_.get(); }
  const endpoint& local() const noexcept { return local_; }
  bool owned_by_others() const noexcept { return owned_by_others_; }

  /// The first of the queue. A client of a dual-stack listener is shown with its IPv4 address.
  /// Errors: see `classify_accept`.
  result<accepted> accept_one() const;

  /// Keeps new clients away as well as it can, and says how: `preferred`, or what was possible instead. Accept on
  /// afterwards, until settled, and then `close`. Calling it again changes nothing. It acts on the socket, for every
  /// process that shares it; that's why a listener that is also owned by others is only left.
  /// `steer` needs a group of two or more; while one member closes and others stay, it is the only way that delays
  /// nobody. Its program stays with the group when the listener has gone, and spreads over those left (unevenly, if
  /// more than two).
  closing_way begin_close(closing_way preferred = closing_way::unplug, reuse_group group = {}) noexcept;

  /// Closes our descriptor, and removes the Unix-domain path if it is still ours. Who waits in the queue is reset,
  /// unless somebody else owns the socket too.
  void close() noexcept;

 private:
  void open(const listener_options&);
  void adopt(int fd);
  void learn_local();
  bool steer(reuse_group) const noexcept;
  void remove_path() noexcept;

  unique_fd fd_;
  endpoint local_;
  bool owned_by_others_ = false;
  std::optional<closing_way> closing_;
  dev_t path_device_ = 0;  // of the path that we made; inode 0: none
  ino_t path_inode_ = 0;
};

}  // namespace lastcall::inline v0::net
