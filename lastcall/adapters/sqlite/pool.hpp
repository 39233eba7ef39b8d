// An SQLite database as a component: one connection that writes, several that read, all closed before the end, so that
// nothing but the database file is left.
#pragma once

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include "lastcall/adapters/sqlite/connection.hpp"
#include "lastcall/core/app/app.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::inline v0::sqlite {

struct pool_options {
  /// As connection_options.
  std::string path = {};
  sqlite::durability durability = sqlite::durability::power;
  duration busy_within = std::chrono::seconds(5);
  /// As lastcall::pool_options; `most` and `kept_idle` are of the readers. The writer is one more. `close_within`
  /// bounds readers, writer and checkpoint one after the other.
  std::size_t most = 4;
  std::size_t kept_idle = 1;
  duration longest_wait = std::chrono::seconds(5);
  duration close_within = std::chrono::seconds(1);
  duration idle_time = std::chrono::minutes(5);
  /// Run once on each new connection: "pragma cache_size = -20000".
  std::vector<std::string> on_connect = {};
  /// The name in logs, errors and metrics; its pools are NAME_writer and NAME_readers. Empty: its name in the app, or
  /// "sqlite".
  std::string name = {};
};

/// SQLite has one writer at a time, whoever asks: the pool has one, too, and it goes to those who wait in the order of
/// their coming. Others may use the file as well, with WAL.
/// Drain: no new leases; transactions finish; drained when all leases are back. Force: each statement that runs is
/// interrupted; its transaction rolls back, and its call returns with reason `forced`. Stop: all connections are
/// closed, the log is written into the database (a checkpoint), and `-wal` and `-shm` are gone. Lost at worst: what was
/// not committed; the report says how many leases that concerned.
class pool final : public component {
 public:
  using options = pool_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy.
  pool(options with, app& owner);
  explicit pool(options with, logger log = {});
  ~pool() override;

  /// As the acquire of lastcall::pool. A connection that comes back in a transaction is closed and replaced.
  result<lease<connection>, no_lease> write(const context& with,
                                            std::source_location where = std::source_location::current()) {
    return writer_->acquire(with, where);
  }
  /// One that refuses to write (SQLITE_READONLY).
  result<lease<connection>, no_lease> read(const context& with,
                                           std::source_location where = std::source_location::current()) {
    return readers_->acquire(with, where);
  }
  /// For net::acquire, which waits without a thread. Queries block all the same: run them on a pool of threads.
  lastcall::pool<connection>& writer() noexcept { return *writer_; }
  lastcall::pool<connection>& readers() noexcept { return *readers_; }

  void start(context) override;
  void drain(context, drained done) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report& out) const override;
  void measure(metrics& into) const override;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const override;

 private:
  pool(options with, logger log, app* owner);
  void check_point() noexcept;

  const app* const owner_;  // null: it has none
  const connection_options how_;
  const duration close_within_;
  const logger log_;
  std::optional<connection>
      keeper_;  // the first to open and the last to close: it finds out whether the file is usable
  std::unique_ptr<lastcall::pool<connection>> writer_;
  std::unique_ptr<lastcall::pool<connection>> readers_;
};

}  // namespace lastcall::inline v0::sqlite
