// PostgreSQL as a component: a pool of connections, which drains as work does, cancels at the drain end, and is closed
// when nobody needs it any more.
#pragma once

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/adapters/postgres/connection.hpp"
#include "lastcall/core/app/app.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::inline v0::postgres {

struct pool_options {
  /// As connection_options.
  std::string conninfo = {};
  duration connect_within = std::chrono::seconds(5);
  /// As connection_options, but not more than a quarter of the reserve of the app that it is added to: of its options,
  /// and of the shutdown, if that has less time.
  duration cancel_within = std::chrono::milliseconds(500);
  /// As lastcall::pool_options.
  std::size_t most = 8;
  std::size_t kept_idle = 1;
  duration longest_wait = std::chrono::seconds(5);
  duration close_within = std::chrono::seconds(1);
  duration lifetime = std::chrono::minutes(30);
  duration idle_time = std::chrono::minutes(5);
  duration check_after = std::chrono::seconds(1);
  std::optional<duration> unready_after = {};
  /// Run once on each new connection: "set search_path = shop".
  std::vector<std::string> on_connect = {};
  /// The name in logs, errors and metrics. Empty: its name in the app, or "postgres".
  std::string name = {};
};

/// Beside its connections it keeps one to cancel with.
/// Drain: no new leases; transactions finish; drained when all leases are back. Force: each statement that runs is
/// cancelled on the server (pg_cancel_backend); its transaction rolls back, and its call returns with reason `forced`.
/// Stop: all connections are closed. Lost at worst: what was not committed. The report's `rolled_back` counts what
/// force rolled back, `unconfirmed` the statements of which the server did not say in time what became of them, `lost`
/// the connections that broke; its work in progress and the log name them.
class pool final : public component {
 public:
  using options = pool_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy; for a conninfo, which part of it.
  pool(options with, app& owner);
  explicit pool(options with, logger log = {});
  ~pool() override;

  /// As the acquire of lastcall::pool. A connection that comes back in a transaction, or broken, is closed and
  /// replaced.
  result<lease<connection>, no_lease> acquire(const context& with,
                                              std::source_location where = std::source_location::current()) {
    return connections_->acquire(with, where);
  }
  /// For net::acquire, which waits without a thread.
  lastcall::pool<connection>& connections() noexcept { return *connections_; }

  void start(context) override;
  void drain(context, drained done) override { connections_->drain({}, std::move(done)); }
  void announce() noexcept override { shorten_cancels(); }
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report& out) const override;
  void measure(metrics& into) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override {
    connections_->in_progress(out, limit);
  }

 private:
  pool(options with, logger log, app* owner);
  void shorten_cancels() noexcept;

  const app* const owner_;  // null: it has none
  std::shared_ptr<detail::connection_group> group_;
  std::unique_ptr<lastcall::pool<connection>> connections_;
};

}  // namespace lastcall::inline v0::postgres
