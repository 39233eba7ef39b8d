// A server of raw TCP: a handler for each connection, which speaks a protocol of the user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/net/connection/farewell_options.hpp"
#include "lastcall/net/connection/served_component.hpp"
#include "lastcall/net/listen/activated.hpp"
#include "lastcall/net/loop/thread_pool.hpp"
#include "lastcall/net/session/session_limits.hpp"
#include "lastcall/net/stream_handler.hpp"
#include "lastcall/net/tcp/tcp_stream.hpp"
#include "lastcall/net/tls/tls.hpp"
#include "lastcall/net/trusted_networks.hpp"

namespace lastcall::inline v0::net {

class runtime;

/// The handler of a session: `task<>(tcp_stream)`, a coroutine on the loop's thread, or `net::blocking(f)` with
/// `void(tcp_stream)`; when the pool is full, the session is ended at once. When it returns, the rest of what it has
/// written is sent, and the connection ends cleanly. Threads: it is called by several at once.   Errors: what it throws
/// is logged.
class session_handler : public stream_handler<tcp_stream> {
 public:
  using stream_handler::stream_handler;
};

struct tcp_server_options {
  /// As http::server_options.
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;
  std::string unix_path = {};
  listen_options listen = {};
  session_handler handler = {};
  session_limits limits = {};
  /// 0: as many as the descriptor limit allows. Further connections are accepted, and ended cleanly at once.
  std::size_t max_connections = 0;
  /// The same for each address; 0: no bound.
  std::size_t max_connections_per_address = 0;
  /// One listening socket for each thread, in one SO_REUSEPORT group.
  bool listener_per_thread = false;
  /// As http::server_options.
  closing_way listener_close = closing_way::unplug;
  /// While draining: the reads of a session that was told end when no byte has passed for so long; at most
  /// `goodbye_time` later. So a request that crosses the end is still served, where the protocol has no words for a
  /// goodbye. 0: they end when all that has come is read; right for a protocol that has them, see tcp_stream::read_on.
  duration idle_drain_after = {};
  /// The window in which a drain tells the remotes, each at a random moment.
  duration jitter = default_jitter;
  /// The longest time from our FIN to the close; of a remote that sends on, `linger_sending`.
  duration linger = default_linger;
  duration linger_sending = default_linger_sending;
  /// For blocking handlers: as many sessions as threads.
  thread_pool_options blocking = {.threads = 128, .queue = 0};
  /// The name in logs and stacks. Empty: "tcp".
  std::string name = {};
  /// With certificates, all sessions use TLS, also those of `unix_path`. Handlers begin after the handshake.
  tls_options tls = {};
  /// As http::server_options.
  trusted_networks proxies = {};
};

/// Its drain tells each session at its moment: its context drains, and its reads end when all that has come is read.
/// As a component of an app it needs the app's net::runtime, and the app drives it. On its own it has a runtime, and
/// `start`, then `shutdown` or `close` are called directly.
class tcp_server final : public served_component {
 public:
  using options = tcp_server_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy.
  explicit tcp_server(options);
  tcp_server(options, app&);
  /// On a runtime of the caller, which must start before the server and stop after it. The caller drives each verb.
  tcp_server(options, runtime&, logger);
  ~tcp_server() override;

 private:
  connection_server& served() const noexcept override;
  standalone* alone() const noexcept override;

  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::net
