// A server of raw TCP: each connection is a session with a handler of its own, in a protocol of the user's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/net/connection/connection_set.hpp"
#include "lastcall/net/session/session.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/loop/thread_pool.hpp"
#include "lastcall/net/tcp/tcp_stream.hpp"
#include "lastcall/net/tls/tls.hpp"
#include "lastcall/net/trusted_networks.hpp"

namespace lastcall::inline v0::net {

class runtime;

template <class F> struct blocking_session {
  F call;
};

/// Runs a session's handler on a thread of the server's pool, which it holds for as long as the session lives.
template <class F> auto blocking(F&& f) { return blocking_session<std::decay_t<F>>{std::forward<F>(f)}; }

/// What a session does: `task<>(tcp_stream&)`, a coroutine on the loop's thread, or `net::blocking(f)` with
/// `void(tcp_stream&)`. When it returns, what it has written is sent, and the connection ends cleanly. Called by
/// several threads at once.   Errors: what it throws is a line of the log.
struct session_handler {
  session_handler() = default;
  template <class F>
    requires std::is_invocable_r_v<task<>, const F&, tcp_stream&>
  session_handler(F f)  // NOLINT: implicit
      : awaiting(std::move(f)) {}
  template <class F>
    requires std::is_invocable_r_v<void, const F&, tcp_stream&>
  session_handler(blocking_session<F> f)  // NOLINT: implicit
      : blocking(std::move(f.call)) {}

  function<task<>(tcp_stream&)> awaiting;
  function<void(tcp_stream&)> blocking;
};

struct tcp_server_options {
  /// As http::server_options.
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;
  std::string unix_path = {};
  session_handler handler = {};
  session_limits limits = {};
  /// 0: as many as the descriptor limit allows. Beyond it, a newcomer finds its connection ended cleanly at once.
  std::size_t max_connections = 0;
  /// The same, of one address; 0: no bound.
  std::size_t max_connections_per_address = 0;
  /// While draining, remotes are told over this window, each at a random moment of it.
  duration jitter = std::chrono::seconds(1);
  /// The longest time from our FIN to the close.
  duration linger = std::chrono::seconds(2);
  int backlog = 4096;
  /// For blocking handlers: as many sessions as threads.
  thread_pool_options blocking = {.threads = 128, .queue = 0};
  /// In logs and stacks. Empty: "tcp".
  std::string name = {};
  /// With certificates, sessions speak TLS, also those of a Unix-domain path. Handlers begin after the handshake.
  tls_options tls = {};
  /// As http::server_options.
  trusted_networks proxies = {};
};

/// Needs the app's net::runtime, which `add` sees to.   Threads: `addresses` and the ledger from any; the rest are the
/// lifecycle's.
class tcp_server final : public component {
 public:
  using options = tcp_server_options;

  /// Errors: std::invalid_argument that names the option and the remedy.
  tcp_server(options, app&);
  /// On somebody's runtime, which has started before it and stops after it. Driven by its owner, verb by verb.
  tcp_server(options, runtime&, logger);
  ~tcp_server() override;

  /// Errors: std::system_error that names the address and the remedy.
  void start(context) override;
  /// Unplugs the listener, then tells each session in its moment: its context drains, and its reads end once all that
  /// had come was read. Done with the last of them.
  void drain(context, drained) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;
  void measure(metrics&) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  std::vector<endpoint> addresses() const;
  connection_ledger connections() const noexcept;
  /// As http::server.
  std::string reload_certificates() noexcept;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::net
