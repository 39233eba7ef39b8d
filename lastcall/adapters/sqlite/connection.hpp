// One connection to an SQLite database. Each call is bounded by its context: when that is forced or has no time left,
// the statement is interrupted, also while it waits for another process.
// No ORM, no query builder: SQL in, SQLite's values out, and SQLite's handle for the rest.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "lastcall/adapters/sqlite/error.hpp"
#include "lastcall/adapters/sqlite/parameters.hpp"
#include "lastcall/adapters/sqlite/rows.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/result.hpp"

namespace lastcall::inline v0::sqlite {

/// What a commit survives.   Source: sqlite.org/pragma.html#pragma_synchronous, for databases in WAL mode.
enum class durability : unsigned char {
  process,  ///< the end of the process, by SIGKILL too; a power cut may take the last commits, never break the file
  power,    ///< a power cut too: an fsync for each commit
};

enum class access : unsigned char { read_write, read_only };

struct connection_options {
  /// The file; it is made if it is not there. The folder must be on a local disk (WAL uses shared memory).
  std::string path = {};
  sqlite::durability durability = sqlite::durability::power;
  sqlite::access access = sqlite::access::read_write;
  /// How long a statement waits for other processes; less if its context has less.
  duration busy_within = std::chrono::seconds(5);
  /// The name in errors.
  std::string name = "sqlite";
};

/// Threads: one at a time, except `cancel`. Moving it does not disturb a cancel.
class connection {
 public:
  using options = connection_options;

  /// In WAL mode, with foreign keys, and in SQLite's own lock-free threading mode: the pool sees to it that a
  /// connection has one owner.   Blocks: at most `busy_within`, and until the context is forced.
  static result<connection, error> open(const context& with, const options& how);
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  /// One statement. `?1` and so on stand for the values, which are not copied. It is prepared once for each connection
  /// and text, and kept: at most 64 of them.   Blocks: until it is done, the context is forced, or its time is up.
  template <parameter... A> result<rows, error> query(const context& with, const char* sql, const A&... values) {
    rows all;
    auto done = each(with, sql, [&](sqlite3_stmt* at) { keep(at, all); }, values...);
    if (!done) return done.error();
    all.affected_ = *done;
    return all;
  }
  /// The same, row by row, and keeps none: `row` reads it by sqlite3_column_… Returns how many rows were changed.
  /// Errors: what `row` throws.
  template <parameter... A>
  result<std::uint64_t, error> each(const context& with, const char* sql, const function<void(sqlite3_stmt*)>& row,
                                    const A&... values) {
    return run(with, sql, row, sizeof...(values), [&](sqlite3_stmt* to) { return detail::bind_all(to, values...); });
  }

  /// No transaction is open.
  bool is_idle() const noexcept { return sqlite3_get_autocommit(native_handle()) != 0; }
  /// Interrupts the statement that another thread runs with it, and every later one. Its call returns with reason
  /// `forced`; only a rollback goes through.   Threads: any, while the connection lives.   Blocks: no.
  void cancel() noexcept;
  bool is_cancelled() const noexcept;
  /// For what is not here.
  sqlite3* native_handle() const noexcept;

 private:
  friend class pool;
  friend class transaction;
  struct parts;
  class call;
  explicit connection(std::unique_ptr<parts> of) noexcept;

  /// Errors: std::invalid_argument.
  static void check(const options& of);
  result<std::uint64_t, error> run(const context& with, const char* sql, const function<void(sqlite3_stmt*)>& row,
                                   std::size_t values, const function<int(sqlite3_stmt*)>& bind);
  static void keep(sqlite3_stmt* at, rows& in);
  void roll_back() noexcept;

  std::unique_ptr<parts> parts_;
};

}  // namespace lastcall::inline v0::sqlite
