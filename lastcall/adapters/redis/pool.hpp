// Redis as a component: a pool of connections, which drains as work does, is cut at the drain end, and is closed when
// nobody needs it any more.
#pragma once

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/adapters/redis/connection.hpp"
#include "lastcall/core/app/app.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::inline v0::redis {

struct pool_options {
  /// As connection_options.
  std::string url = "redis://127.0.0.1:6379";
  std::string user = {};
  std::string password = {};
  duration connect_within = std::chrono::seconds(5);
  /// As lastcall::pool_options.
  std::size_t most = 8;
  std::size_t kept_idle = 1;
  duration longest_wait = std::chrono::seconds(5);
  duration close_within = std::chrono::seconds(1);
  duration lifetime = std::chrono::minutes(30);
  duration idle_time = std::chrono::minutes(5);
  duration check_after = std::chrono::seconds(1);
  std::optional<duration> unready_after = {};
  /// The name in logs, errors and metrics. Empty: its name in the app, or "redis".
  std::string name = {};
};

/// Drain: no new leases; commands finish; drained when all leases are back. Force: each call that waits for its answer
/// returns with reason `forced`, and its connection is closed; the server may still carry the command out, as Redis
/// has no way to cancel one. Stop: all connections are closed. Lost at worst: commands that were under way; whether
/// they took effect is not known. The report's `unconfirmed` counts these, `lost` the connections that broke.
class pool final : public component {
 public:
  using options = pool_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy; never the password.
  pool(options with, app& owner);
  explicit pool(options with, logger log = {});
  ~pool() override;

  /// As the acquire of lastcall::pool. A connection that comes back in a transaction, with another database, or broken,
  /// is closed and replaced.
  result<lease<connection>, no_lease> acquire(const context& with,
                                              std::source_location where = std::source_location::current()) {
    return connections_->acquire(with, where);
  }
  /// For net::acquire, which waits without a thread. Commands block all the same: run them on a pool of threads.
  lastcall::pool<connection>& connections() noexcept { return *connections_; }

  void start(context) override;
  void drain(context, drained done) override { connections_->drain({}, std::move(done)); }
  void force() noexcept override { connections_->force(); }
  void stop() noexcept override { connections_->stop(); }
  void account(component_report& out) const override;
  void measure(metrics& into) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override {
    connections_->in_progress(out, limit);
  }

 private:
  pool(options with, logger log, app* owner);

  std::shared_ptr<detail::link_group> group_;
  std::unique_ptr<lastcall::pool<connection>> connections_;
};

}  // namespace lastcall::inline v0::redis
