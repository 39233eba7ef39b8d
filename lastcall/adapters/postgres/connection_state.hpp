// What a connection knows of itself, shared by the ways to wait for it.
#pragma once

#include <libpq-fe.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "lastcall/adapters/postgres/canceller.hpp"
#include "lastcall/adapters/postgres/connection.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/log/log.hpp"

namespace lastcall::inline v0::postgres::detail {

/// What the connections of a pool have in common.
struct connection_group {
  connection_group(const connection_options& how, logger to)
      : log(std::move(to)), cancels(std::make_shared<canceller>(how.conninfo, how.name)) {}

  const logger log;
  const std::shared_ptr<canceller> cancels;
  std::atomic<duration> longest_cancel = duration::max();
  std::atomic<std::uint64_t> rolled_back = 0;  // transactions, by force
  std::atomic<std::uint64_t> unconfirmed = 0;  // cancels of which the server has not said that they came in time
  std::atomic<std::uint64_t> lost = 0;         // connections
};

/// Threads: of the connection's owner, except `ends`.
struct connection_state {
  connection_state(const connection_options& with, std::shared_ptr<connection_group> of);
  ~connection_state();
  connection_state& operator=(connection_state&&) = delete;

  /// libpq has connected.
  void opened();
  /// How long a statement that was cancelled may take to end.
  duration cancel_within() const noexcept { return std::min<duration>(how.cancel_within, group->longest_cancel); }
  /// `wake` says nothing any more, unless the connection is forced.
  void calm() noexcept;
  /// From here on its end wakes calls, and no other's. It stays so after the call: that costs the next one nothing if
  /// it has the same context, as in a transaction.
  void wake_at(stop_token until);

  const connection_options how;
  const std::shared_ptr<connection_group> group;
  const int wake;  // an eventfd that is readable when a call must not wait any more
  PGconn* native = nullptr;
  server_process backend;
  std::shared_ptr<PGcancel> fallback;
  bool given_up = false;
  bool told_lost = false;
  bool in_call = false;
  bool cut_by_force = false;  // the transaction that is open
  context_source ends;        // forced by connection::force: then no call waits any more
  const context life = ends.get();
  int limit_ms = 0;  // statement_timeout as we set it; 0: it is the session's own; -1: not known
  bool limit_in_transaction = false;
  bool tells_limit = true;
  bool heard_all = false;  // of a listener: what had come when its context ended was read
  std::set<std::string, std::less<>> prepared;
  stop_token watched;
  std::atomic<bool> told = false;  // by `watched`: `wake` is readable
  std::optional<stop_callback<function<void()>>> caller_wakes;
  const stop_callback<function<void()>> wakes;  // last: it uses `wake`
};

/// For what else is done with a connection: copies, pipelines, coroutines.
struct connection_access {
  static connection_state& state_of(connection& of) noexcept { return *of.state_; }
  static void drive(connection& of, talk& what) { of.drive(what); }
  static void roll_back(connection& of);
};

}  // namespace lastcall::inline v0::postgres::detail
