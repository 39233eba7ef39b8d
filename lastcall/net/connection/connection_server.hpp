// Listeners, the connections that they accept, and the drain of both: all of a server except its protocol.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

class thread_pool;

struct connection_server_options {
  std::vector<listener_options> listeners = {};
  /// One listening socket for each loop, in one SO_REUSEPORT group. False: one socket, whose connections go to the
  /// loops in rotation.
  bool listener_per_loop = false;
  closing_way listener_close = closing_way::unplug;
  farewell_options farewell = {};
  /// When it is reached, new connections are made with `refusing`. 0: as many as the descriptor limit allows, less 64.
  std::size_t max_connections = 0;
  /// The same for each address; an IPv6 address counts by its /64. 0: no bound.
  std::size_t max_connections_per_address = 0;
  /// The proxies that begin each connection with a PROXY header (version 2), which has the client's address. A header
  /// from any other address is not accepted. max_connections_per_address counts their clients, not the proxies.
  trusted_networks proxies = {};
  /// The time after force in which handlers may still send an error to their clients.
  duration last_words = std::chrono::milliseconds(20);
  /// Of the handlers that block. One may still be at work when its client has gone: the drain waits for it, or it is
  /// named as hung. Stops with the server. Null: there is none.
  thread_pool* pool = nullptr;
  std::string name = "tcp";
  logger log = {};
  /// What it speaks, without TLS and with it: the line of the log that says where it listens begins with that.
  std::array<std::string_view, 2> schemes = {"tcp", "tls"};
};

/// How many connections `close` has cut.
struct cut {
  std::uint64_t connections = 0;  ///< with work in progress
  std::uint64_t idle = 0;         ///< without
};

/// A socket that was accepted, for the `maker` of its connection.
struct arrival {
  std::size_t loop = 0;      ///< the index of its loop
  std::size_t listener = 0;  ///< the index of its listener in the options
  unique_fd socket;
  endpoint remote;
  bool refusing = false;  ///< the server is full: answer so, and end
};

/// Needs a runtime that has started. Threads: the lifecycle's for the verbs; the others any, once `start` has returned.
class connection_server final : public component {
 public:
  /// Makes the connection of the protocol. Runs on the connection's loop.
  using maker = function<std::unique_ptr<connection>(arrival)>;

  connection_server(connection_server_options, runtime&, maker);
  ~connection_server() override;

  /// Opens the listeners.   Errors: std::system_error that names the address and the remedy.
  void start(context) override;
  /// Unplugs the listeners first, then drains the connections. Drained when the last of both has ended.
  void drain(context, drained) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;
  void measure(metrics&) const override;
  /// A loop that does not answer within 50 ms is an item of its own.
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

  /// Closes listeners and connections now. Blocks: until each loop has done so, at most 1 s. Threads: any but a loop's.
  cut close() noexcept;

  /// Where it listens, with the ports that the kernel has chosen. To be called after `start`.
  std::vector<endpoint> addresses() const;
  /// The address of one listener, by its index in the options.
  endpoint address(std::size_t listener) const;
  const std::string& name() const noexcept { return options_.name; }
  std::size_t loops() const noexcept { return sets_.size(); }
  bool serving() const noexcept { return serving_; }
  /// A loop did not come back in `close`, and may still use what belongs to this server: leave that behind.
  bool stuck() const noexcept { return stuck_; }
  connection_set& set(std::size_t loop_index) const noexcept { return *sets_[loop_index]; }
  connection_ledger ledger() const noexcept;
  std::uint64_t open_connections() const noexcept;
  /// All listeners with TLS share one context. Null: there is none.
  std::shared_ptr<tls_context> shared_tls() const;

 private:
  void open_listeners(const context&);
  void begin_serving() noexcept;
  void give_up_taken(const context&) noexcept;
  void say_where(const acceptor&, std::size_t listener) const;
  void report_listeners(component_report&) const;
  connection_numbers numbers() const noexcept;
  void send_to_loop(arrival, std::size_t from_loop) noexcept;
  void admit(arrival) noexcept;
  void one_listener_closed() noexcept;
  void one_set_empty() noexcept;
  bool on_each_loop(time_point by, function<void(std::size_t)>) const;

  connection_server_options options_;
  runtime& runtime_;
  maker make_;
  abnormal_ends abnormal_;
  address_counts addresses_;
  std::vector<std::unique_ptr<connection_set>> sets_;
  std::vector<std::unique_ptr<acceptor>> acceptors_;
  std::vector<std::size_t> listener_of_;  // for each acceptor, the index in the options
  std::atomic<std::size_t> next_loop_{0};
  std::atomic<std::size_t> in_transit_{0};      // accepted, and posted to another loop
  std::atomic<std::size_t> listeners_left_{0};  // to be closed, and one for the drain itself
  std::atomic<std::size_t> sets_left_{0};       // to become empty
  std::size_t refuse_from_ = 0;                 // with so many connections, new ones are refused
  std::size_t pause_from_ = 0;                  // with so many, none is accepted
  std::atomic<bool> serving_{false};
  bool stuck_ = false;
  std::optional<ticket> runtime_use_;  // while serving
  drained drained_;
};

}  // namespace lastcall::inline v0::net
