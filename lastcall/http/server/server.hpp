// The HTTP server. It answers every accepted request, also when it is told to stop. What it refuses by itself, and with
// which words, is in requests/refusals.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lastcall/core/app/app.hpp"
#include "lastcall/http/message/limits.hpp"
#include "lastcall/http/requests/access_log.hpp"
#include "lastcall/http/routing/router.hpp"
#include "lastcall/net/connection/farewell_options.hpp"
#include "lastcall/net/connection/served_component.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/listen/activated.hpp"
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
  /// A further listener on a Unix-domain socket at this path; "@name": an abstract one, which is no file. Empty: none.
  std::string unix_path = {};
  /// How they are opened: backlog, permissions, inherited sockets, the overlap of a restart.
  net::listen_options listen = {};
  router routes = {};
  http::limits limits = {};
  /// Answers GET of /livez and /readyz, with or without a slash at the end, unless a route has that very path. A route
  /// with parameters ("/{rest...}") does not take them: it would say "ready" throughout a drain.
  bool health = true;
  /// One listening socket for each thread, in one SO_REUSEPORT group.
  bool listener_per_thread = false;
  /// While draining: how long an idle connection must have been quiet before it is closed.
  duration idle_drain_after = net::default_idle_drain_after;
  /// The longest time from the server's FIN to the close. Of a client that sends on, as one that reads the answer only
  /// when it has sent its whole request: from its last bytes, and `linger_sending` in all.
  duration linger = net::default_linger;
  duration linger_sending = net::default_linger_sending;
  /// How the listeners are closed. All other values lose connections, and are for comparison.
  net::closing_way listener_close = net::closing_way::unplug;
  /// The name in logs and stacks. Empty: its name in the app, or "http".
  std::string name = {};
  /// For handlers wrapped in http::blocking and bodies made by streamed_blocking.
  net::thread_pool_options blocking = {};
  /// Called for each request once its end is known. Empty: no access log, and no cost.
  access_sink access_log = {};
  /// Changes the answers that are not a handler's (400, 404, 405, 408, 413, 431, 500, 503, 504 and so on) before they
  /// are sent, as problem_json does. It may replace the response; Allow and Retry-After stay. It gets an empty request
  /// if the head could not be read. Called on the connections' loops, by several at once; must not block. What it
  /// throws is logged, and the answer sent as it was. Access log and ledger have the status that is sent.
  std::function<void(const request&, response&)> own_answers = {};
  /// Gives each request an id for `trace`, access log and response: the client's X-Request-Id if acceptable, or a new
  /// one.
  bool request_ids = false;
  /// A header in which clients say how long they wait, "X-Request-Timeout" or "grpc-timeout": milliseconds, or gRPC's
  /// number with a unit (H M S m u n). It can only shorten a route's timeout, and bounds routes without one. One that
  /// is malformed or zero is answered 400. Empty: none is read.
  std::string timeout_header = {};
  /// In a drain, each long-lived remote (WebSocket, event stream, HTTP/2) is told at a random moment of this window, so
  /// that they do not all come back at once. Never more than half of the drain.
  duration jitter = net::default_jitter;
  /// HTTP/2 in cleartext, for clients that begin with its preface. HTTP/1.1 stays.
  bool h2c = false;
  /// HTTP/2 over TLS for clients that offer it (ALPN "h2").
  bool http2 = true;
  /// A further listener at `address` that speaks TLS; 0: the kernel picks a port, see `tls_address`. Empty: none.
  std::optional<std::uint16_t> tls_port = {};
  /// TLS options of that listener. The server sets `alpn`.
  net::tls_options tls = {};
  /// `tls_port` instead of `port`, not beside it.
  bool tls_only = false;
  /// Load balancers that begin each connection with a PROXY header (version 2), which has the client's address:
  /// {"10.0.0.0/8"}, {"unix"}. A connection from there without the header is closed. Empty: no header is trusted.
  net::trusted_networks proxies = {};
};

/// As a component of an app it needs the app's net::runtime, and the app drives it. On its own it has a runtime, and
/// `start`, then `shutdown` or `close` are called directly.
/// Threads: `addresses` and the ledgers from any; everything else from one.
class server final : public net::served_component {
 public:
  using options = server_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy.
  explicit server(options = {});
  server(options, app&);
  /// On a runtime of the caller, which must start before the server and stop after it. The caller drives each verb.
  server(options, net::runtime&, logger);
  ~server() override;

  void announce() noexcept override;
  void drain(context, drained) override;
  void stop() noexcept override;
  void account(component_report&) const override;
  void measure(metrics&) const override;

  /// Where it speaks TLS; `none` if it does not.
  net::endpoint tls_address() const;
  request_ledger requests() const noexcept;

 private:
  net::connection_server& served() const noexcept override;
  net::standalone* alone() const noexcept override;
  void begin(const context&) override;
  std::uint64_t requests_forced() const noexcept override { return requests().forced; }

  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::http
