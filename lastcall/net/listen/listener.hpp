// A listening socket that can be closed without resetting a client: TCP over IPv4, IPv6 or both, and Unix-domain. Has
// no loop, no thread and no timer: settle_plan decides when to close, and acceptor drives both.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string_view>

#include "lastcall/core/result.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/listen/listen_options.hpp"
#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::net {

class listener;
class overlap;
class tls_context;

struct listener_options {
  endpoint where = {};  ///< Port 0: the kernel chooses one, which `local` returns. Not used with `inherited_fd`.
  int backlog = default_backlog;  ///< The kernel cuts it to net.core.somaxconn.
  bool v6_only = false;           ///< `::` takes IPv4 clients too unless this is set.
  bool reuse_port = false;        ///< Opens or joins an SO_REUSEPORT group. Not for Unix-domain.
  bool successor = false;         ///< With `reuse_port`: other members are expected, so do not fail because of them.
  std::optional<mode_t> unix_mode = {};  ///< Permissions of the path; empty: as the umask says.
  int inherited_fd = -1;                 ///< A listening socket that another process owns as well; never unplugged.
  bool overlap = false;                  ///< For `open_listeners`. A single listener does not use it.
  /// For connection_server: clients of this listener speak TLS. The listener itself does not use it.
  std::shared_ptr<tls_context> tls = {};
};

/// For one listener of a server; without an address for the inherited one.
listener_options listener_at(const listen_options& as, endpoint where = {});

/// Handshakes in flight finish, and none begins: it makes sense to wait for them (`settle_plan::begun`).
constexpr bool settles(closing_way way) noexcept { return way == closing_way::unplug || way == closing_way::filter; }

/// The accept queue is to be emptied before the close.
constexpr bool empties_queue(closing_way way) noexcept {
  return way != closing_way::plain && way != closing_way::leave;
}

std::string_view to_text(closing_way way) noexcept;  ///< "unplug", "accept until empty", …

/// Keeps new clients away from a listening TCP socket, for ever: by `unplug`, or else by `filter`. Returns the way, or
/// `accept_until_empty` when neither was possible. Acts on the socket, so for every process that shares it.
closing_way keep_clients_away(int listening, closing_way preferred = closing_way::unplug) noexcept;

/// The address on which a socket listens.   Errors: std::errc::invalid_argument: it does not listen.
result<endpoint> listening_at(int fd);

/// False also for a socket that another process has shut down.
bool listens(int fd) noexcept;

/// What a failed accept means.
enum class accept_error : unsigned char {
  again,      ///< The queue is empty: wait for readiness.
  aborted,    ///< This client has gone: continue with the next.
  exhausted,  ///< No descriptors, buffers or memory: pause. The client stays in the queue.
  fatal       ///< The socket does not listen any more.
};
accept_error classify_accept(const std::error_code& error) noexcept;

struct accepted {
  unique_fd fd;  ///< Non-blocking, close-on-exec; TCP_NODELAY is set.
  endpoint remote;
};

namespace detail {
/// Other processes may serve the same socket. While one does, it is only left, never closed.
void share(listener& one, std::shared_ptr<overlap> with) noexcept;
overlap* shared(const listener& one) noexcept;
}  // namespace detail

/// Threads: one at a time.
class listener {
 public:
  /// Binds and listens. Replaces a Unix-domain path on which no process accepts any more. With `reuse_port`, but not
  /// `successor`, it fails if another process listens there; the kernel would accept both.
  /// Errors: `std::system_error` that names address, reason and remedy; `std::invalid_argument` for options.
  explicit listener(listener_options options);
  /// Continues with a socket that another process opened with `overlap`.
  listener(unique_fd, const listener_options&);
  listener(listener&&) noexcept = default;
  listener& operator=(listener&&) = delete;
  ~listener() { close(); }

  int fd() const noexcept { return fd_.get(); }
  const endpoint& local() const noexcept { return local_; }

  /// The first client of the accept queue. A dual-stack listener returns IPv4 clients with their IPv4 address.
  /// Errors: see `classify_accept`.
  result<accepted> accept_one() const;

  /// Keeps new clients away, and returns the way: `preferred`, or what was possible instead. Afterwards go on accepting
  /// until it is settled, then `close`. A second call changes nothing. Acts on the socket, so for every process that
  /// shares it; a listener that is owned by others, too, is therefore only left.
  closing_way begin_close(closing_way preferred = closing_way::unplug) noexcept;

  /// It is left to other processes.
  bool left() const noexcept { return closing_ == closing_way::leave; }

  /// How many clients have connected and were not accepted. They are lost: to be called right before a close. 0 for a
  /// socket that is left.
  std::size_t refuse_waiting() noexcept;

  /// Ends the listening, also for a child that was forked and has a copy of the descriptor, and removes the Unix-domain
  /// path if it is still ours. Clients in the accept queue are reset. A socket that others own, or that is only left,
  /// goes on for those.
  void close() noexcept;
  /// The Unix-domain path is still there, and this is why it could not be removed.
  const std::error_code& path_left() const noexcept { return path_left_; }

 private:
  friend void detail::share(listener& one, std::shared_ptr<overlap> with) noexcept;
  friend overlap* detail::shared(const listener& one) noexcept;

  void open(const listener_options&);
  void adopt(int fd);
  bool remove_path() noexcept;
  void note_path();
  bool let_go() noexcept;

  unique_fd fd_;
  endpoint local_;
  bool owned_by_others_ = false;
  std::shared_ptr<overlap> shared_;
  std::optional<closing_way> closing_;
  dev_t path_device_ = 0;  // of the path that we made; inode 0: we made none
  ino_t path_inode_ = 0;
  std::error_code path_left_;
};

}  // namespace lastcall::inline v0::net
