// A transaction that rolls back unless it was committed.
#pragma once

#include <utility>

#include "lastcall/adapters/sqlite/connection.hpp"

namespace lastcall::inline v0::sqlite {

/// Uses its connection alone while it lives.   Threads: one at a time.
class transaction {
 public:
  /// With a connection that writes it is the database's only writer from here on (BEGIN IMMEDIATE), so no statement of
  /// it fails because another wrote first. With one that only reads, all statements see one state.   Blocks: as a
  /// query.
  static result<transaction, error> begin(const context& with, connection& on);
  transaction(transaction&& other) noexcept : on_(std::exchange(other.on_, nullptr)) {}
  transaction& operator=(transaction&&) = delete;
  /// Rolls back unless it was committed.
  ~transaction();

  template <parameter... A> result<rows, error> query(const context& with, const char* sql, const A&... values) {
    if (is_over()) return rolled_back();
    return on_->query(with, sql, values...);
  }
  template <parameter... A>
  result<std::uint64_t, error> each(const context& with, const char* sql, const function<void(sqlite3_stmt*)>& row,
                                    const A&... values) {
    if (is_over()) return rolled_back();
    return on_->each(with, sql, row, values...);
  }
  /// Without an error it is committed, as durable as the connection is. With one it is not.
  result<rows, error> commit(const context& with);
  connection& on() const noexcept { return *on_; }

 private:
  explicit transaction(connection& on) noexcept : on_(&on) {}

  // An error that concerns more than its statement (an interrupt amid a write, a full disk) has rolled back all of it.
  // What came after it would be committed at once.
  bool is_over() const noexcept { return on_->is_idle(); }
  static error rolled_back();

  connection* on_;  // null: over, or moved from
};

}  // namespace lastcall::inline v0::sqlite
