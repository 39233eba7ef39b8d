// Listeners, the connections that come from them, and the drain of both: everything of a server but its protocol.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/gate.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/net/connection/abnormal_ends.hpp"
#include "lastcall/net/connection/address_counts.hpp"
#include "lastcall/net/connection/connection_set.hpp"
#include "lastcall/net/listen/acceptor.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/trusted_networks.hpp"

namespace lastcall::inline v0::net {

struct connection_server_options {
  std::vector<listener_options> listeners = {};
  /// One listening socket on each loop, in one SO_REUSEPORT group, instead of one that hands connections out in turn.
  bool listener_per_loop = false;
  closing_way listener_close = closing_way::unplug;
  /// For `steer`: where our listener stands in the group that it shares with a successor.
  reuse_group group = {};
  settle_options settle = {};
  farewell_options farewell = {};
  /// Beyond it, connections are made with `refusing`; 0: as many as the descriptor limit allows, less a reserve of 64.
  std::size_t max_connections = 0;
  /// Beyond it, further connections of one address are made with `refusing`; 0: no bound. IPv6 counts by /64.
  std::size_t max_connections_per_address = 0;
  /// Who begins each connection with a PROXY header (version 2) that says who the client is. Empty: nobody, and no
  /// header is believed. These proxies themselves are not counted by max_connections_per_address; their clients are.
  trusted_networks proxies = {};
  /// After force, how long handlers have to say that they gave up.
  duration last_words = std::chrono::milliseconds(20);
  std::string name = "tcp";
  logger log = {};
};

/// How many were cut.
struct cut {
  std::uint64_t connections = 0;  ///< with work in progress
  std::uint64_t idle = 0;         ///< without
};

/// A socket that was accepted, for whoever makes its connection.
struct arrival {
  std::size_t loop = 0;      ///< on which it is, by index
  std::size_t listener = 0;  ///< from which it came, by its place in the options
  unique_fd socket;
  endpoint remote;
  bool refusing = false;  ///< the server is full
};

/// Threads: the verbs are the lifecycle's; the rest as said. Needs a runtime that has started.
class connection_server final : public component {
 public:
  /// Makes the protocol's connection for an accepted socket, on its loop.
  using maker = function<std::unique_ptr<connection>(arrival)>;

  connection_server(connection_server_options, runtime&, maker);
  ~connection_server() override;

  /// Opens the listeners.   Errors: std::system_error that names the address and the remedy.
  void start(context) override;
  /// Unplugs the listeners first, then tells the connections; done with the last of both.
  void drain(context, drained) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;
  void measure(metrics&) const override;
  /// A loop that does not say within 50 ms is an item of its own.
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  /// Cuts everything now. Blocks: until each loop has done so, at most 1 s.   Threads: any but a loop's.
  cut close() noexcept;

  /// Where it listens, with the ports the kernel chose. Valid after `start`.
  std::vector<endpoint> addresses() const;
  /// The address of one listener, by its place in the options.
  endpoint address(std::size_t listener) const;
  std::size_t loops() const noexcept { return sets_.size(); }
  connection_set& set(std::size_t loop_index) const noexcept { return *sets_[loop_index]; }
  connection_ledger ledger() const noexcept;
  std::uint64_t open_connections() const noexcept;

 private:
  void open_listeners();
  void tell_of_told(component_report&) const;
  void account_of_openings(component_report&) const;
  std::shared_ptr<tls_context> tls_of_any() const;
  bool room() const noexcept;
  void take(arrival, std::size_t from_loop) noexcept;
  void admit(arrival) noexcept;
  void one_listener_closed() noexcept;
  void one_set_empty() noexcept;

  connection_server_options options_;
  runtime& runtime_;
  maker make_;
  abnormal_ends abnormal_;
  address_counts addresses_;
  std::vector<std::unique_ptr<connection_set>> sets_;
  std::vector<std::unique_ptr<acceptor>> acceptors_;
  std::vector<std::size_t> numbers_;  // of the acceptors' listeners
  std::atomic<std::size_t> next_loop_{0};
  std::atomic<std::size_t> handed_{0};  // accepted, and on the way to another loop
  std::atomic<std::size_t> listeners_left_{0};
  std::atomic<std::size_t> sets_left_{0};
  std::size_t full_ = 0;      // connections from which on new ones are refused
  std::size_t overfull_ = 0;  // and from which on none is accepted
  std::atomic<bool> serving_{false};
  std::optional<ticket> use_;  // of the runtime, while serving
  drained drained_;
};

}  // namespace lastcall::inline v0::net
