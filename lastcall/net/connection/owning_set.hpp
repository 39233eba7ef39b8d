// What a connection knows of the connection_set that owns it. The set derives from this class and knows the
// connections; a connection includes this header only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string_view>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/net/connection/abnormal_ends.hpp"
#include "lastcall/net/connection/address_counts.hpp"
#include "lastcall/net/connection/connection_counts.hpp"
#include "lastcall/net/connection/connection_state.hpp"
#include "lastcall/net/connection/drain_rules.hpp"
#include "lastcall/net/connection/farewell_options.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace lastcall::inline v0::net {

class connection;

/// Threads: its loop's only, except reading `counts`.
class owning_set {
 public:
  owning_set& operator=(owning_set&&) = delete;

  net::loop& loop() const noexcept { return loop_; }
  const farewell_options& options() const noexcept { return options_; }
  bool draining() const noexcept { return rules_.has_value(); }
  const connection_counts& counts() const noexcept { return counts_; }

  /// Puts `replacement`, made from `before`, in its place: they are one connection in the ledger. Does not call
  /// `before.on_end`; frees `before` after the present batch of events. Announces to the replacement what is readable,
  /// and a drain that has begun.
  virtual void replace(connection& before, std::unique_ptr<connection> replacement) noexcept = 0;

  // The following is for class connection; protocols do not need it.

  connection_counts& counts() noexcept { return counts_; }
  /// The moment at which the drain closes a connection in this state; see drain_rules. Only while draining.
  time_point close_at(connection_state state, const connection_past& past) const noexcept {
    return rules_->close_at(state, past);
  }
  /// When a long-lived remote is told of the drain: at random, within the jitter window. Only while draining.
  time_point next_tell_at() noexcept;
  void count_told(connection_kind) noexcept;
  /// When a farewell that begins now has taken long enough. While draining it ends before the drain end: there, what is
  /// left is forced, and a remote that never finishes its farewell is no work of ours. One that begins too late for
  /// that gets its whole time.
  time_point linger_until(time_point now) const noexcept;
  void note_abnormal(const endpoint& remote, connection_state, io_end how) noexcept;
  /// Counts a proxy's header that is missing or malformed, and logs why.
  void note_bad_header(const endpoint& proxy, std::string_view why) noexcept;
  /// The proxy at `proxy` said that the client is at `client`: moves the connection from one address to the other.
  /// True: the client's address has too many connections.
  bool move_address(const endpoint& proxy, const endpoint& client) noexcept;
  /// Counts the end of a closed connection, and frees it after the present batch of events. May call `drained`.
  void release(connection& closed, connection_end, bool crossed) noexcept;

 protected:
  owning_set(net::loop&, const farewell_options&, abnormal_ends&) noexcept;
  ~owning_set() = default;

  net::loop& loop_;
  const farewell_options& options_;
  abnormal_ends& abnormal_;
  connection_counts counts_;
  address_counts* addresses_ = nullptr;  // null: there is no bound for each address
  std::size_t most_per_address_ = 0;
  std::optional<drain_rules> rules_;  // since the drain began
  function<void()> drained_;          // to be called when the last connection has ended
  std::minstd_rand random_;
};

}  // namespace lastcall::inline v0::net
