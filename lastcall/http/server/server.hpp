// The HTTP server: routes and limits in, every accepted request answered out, also when it is told to stop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/deadline.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/http/serving/access_log.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/loop/thread_pool.hpp"
#include "lastcall/net/tls/tls.hpp"
#include "lastcall/net/trusted_networks.hpp"

namespace lastcall::inline v0::net {
class runtime;
}

namespace lastcall::inline v0::http {

struct server_options {
  /// An IP address of this machine; "0.0.0.0" for all of IPv4, "::" for all of both. Empty: no TCP listener.
  std::string address = "0.0.0.0";
  /// 0: the kernel picks one, see `addresses`.
  std::uint16_t port = 8080;
  /// A further listener on a Unix-domain socket at this path. Empty: none.
  std::string unix_path = {};
  router routes = {};
  http::limits limits = {};
  /// Answers /livez and /readyz where no route does.
  bool health = true;
  /// One listening socket for each thread, in one SO_REUSEPORT group.
  bool listener_per_thread = false;
  int backlog = 4096;
  /// While draining: how long an idle connection must have been quiet before it is closed.
  duration silence = std::chrono::seconds(1);
  /// The longest time from our FIN to the close.
  duration linger = std::chrono::seconds(2);
  /// How the listeners are closed. The others are for comparison: they lose connections.
  net::closing_way listener_close = net::closing_way::unplug;
  /// In logs and stacks. Empty: as the app was told, or "http".
  std::string name = {};
  /// For handlers wrapped in http::blocking and bodies made by streamed_blocking.
  net::thread_pool_options blocking = {};
  /// Called for each request once its end is known. Empty: no access log, and no cost.
  access_sink access_log = {};
  /// Gives each request an id, the client's X-Request-Id if acceptable or one of our own, for `trace`, access log and
  /// response.
  bool request_ids = false;
  /// While draining, long-lived remotes (WebSockets, event streams, HTTP/2) are told over this window, each at a random
  /// moment of it, so that they do not all come back at once. Never more than half of the drain.
  duration jitter = std::chrono::seconds(1);
  /// HTTP/2 in cleartext for clients that know that we speak it (they begin with its preface). HTTP/1.1 stays.
  bool h2c = false;
  /// HTTP/2 over TLS for clients that offer it (ALPN "h2").
  bool http2 = true;
  /// A further listener at `address` that speaks TLS; 0: the kernel picks a port, see `tls_address`. Empty: none.
  std::optional<std::uint16_t> tls_port = {};
  /// For it. `alpn` is the server's to set.
  net::tls_options tls = {};
  /// `tls_port` instead of `port`, not beside it.
  bool tls_only = false;
  /// Our own load balancers, if they begin each connection with a PROXY header (version 2) that says who the client is:
  /// {"10.0.0.0/8"}, {"unix"}. A connection from there without one is ended. Empty: no header is believed.
  net::trusted_networks proxies = {};
};

/// What a shutdown came to.
struct shutdown_result {
  lastcall::outcome outcome = lastcall::outcome::graceful;  ///< graceful, forced, or hung: not back by the deadline
  std::uint64_t requests_forced = 0;
  std::uint64_t connections_forced = 0;
  duration took = {};
};

/// What an immediate close cut.
struct close_result {
  std::uint64_t requests = 0;          ///< in progress: their clients get no answer
  std::uint64_t idle_connections = 0;  ///< whose clients may just be sending
};

/// As a component of an app it needs the app's net::runtime, and the app drives it. On its own it has a runtime, and
/// `start`, then `shutdown` or `close` are called directly.
/// Threads: `addresses` and the ledgers from any; everything else from one.
class server final : public component {
 public:
  using options = server_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy.
  explicit server(options = {});
  server(options, app&);
  /// On a runtime of the caller, which must start before the server and stop after it. The caller drives each verb.
  server(options, net::runtime&, logger);
  ~server() override;

  /// Listens.   Errors: std::system_error that names the address and the remedy: then nothing runs any more. On its own
  /// it starts once, also when that failed: std::logic_error, make a new one.
  void start(context = {}) override;
  void announce() noexcept override;
  void drain(context, drained) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;
  void measure(metrics&) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  /// Refuses new connections, finishes every accepted request, says goodbye to each connection, and returns as soon as
  /// the last one has gone. What is left one tenth (50 ms to 2 s) before the deadline is forced. Never after the
  /// deadline. Does not stop handlers that block their thread. Called again, it returns the same; before `start` it
  /// does nothing. Errors: std::logic_error for a server that an app drives.
  shutdown_result shutdown(deadline by);
  /// Cuts everything now: requests in progress are lost. Blocks: at most 1 s.
  close_result close() noexcept;

  /// Where it listens, with the ports that the kernel chose. Valid once started: a component that asks in its own start
  /// names the server among its needs.
  std::vector<net::endpoint> addresses() const;
  /// Where it speaks TLS; `none` if it does not.
  net::endpoint tls_address() const;
  connection_ledger connections() const noexcept;

  /// Reads the certificates again, for new connections; those that stand go on with what they have. Returns why not:
  /// then the former stay in use. Empty: done. An app does so at each SIGHUP.   Threads: any.
  std::string reload_certificates() noexcept;
  request_ledger requests() const noexcept;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::http
