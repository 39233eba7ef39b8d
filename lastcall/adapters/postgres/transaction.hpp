// A transaction that rolls back unless it was committed.
#pragma once

#include <concepts>
#include <utility>

#include "lastcall/adapters/postgres/connection.hpp"

namespace lastcall::inline v0::postgres {

enum class isolation : unsigned char { read_committed, repeatable_read, serializable };

/// Uses its connection alone while it lives.   Threads: one at a time.
class transaction {
 public:
  /// Blocks: as a query.
  static result<transaction, error> begin(const context& with, connection& on,
                                          isolation level = isolation::read_committed);
  transaction(transaction&& other) noexcept : on_(std::exchange(other.on_, nullptr)), blocks_(other.blocks_) {}
  transaction& operator=(transaction&&) = delete;
  /// Rolls back unless it was committed.   Blocks: at most `cancel_within`; then the connection is given up, and the
  /// server rolls back when it sees that.
  ~transaction();

  template <parameter... A> result<rows, error> query(const context& with, const char* sql, const A&... values) {
    return on_->query(with, sql, values...);
  }
  template <parameter... A> result<rows, error> execute(const context& with, const char* name, const A&... values) {
    return on_->execute(with, name, values...);
  }
  /// Without an error it is committed. With one it is not, except for reason `connection`: then that is not known. If a
  /// statement of it has failed before, nothing of it can be committed: reason `server`, 25P02.
  result<rows, error> commit(const context& with);
  connection& underlying() const noexcept { return *on_; }

 private:
  friend class async_connection;
  transaction(connection& on, bool blocks) noexcept : on_(&on), blocks_(blocks) {}

  static const char* statement_for(isolation level) noexcept;
  result<rows, error> committed(result<rows, error> done);

  connection* on_;  // null: over, or moved from
  bool blocks_;     // its destructor may
};

/// Calls `work(transaction&)` in a transaction and commits it, up to `tries` times while the server says that it can't
/// be serialised (40001, 40P01). `work` must have no effect but in the transaction. It returns result<T, error>, and so
/// does this. An error that `work` does not return is not tried again.
template <class F>
auto with_retries(const context& with, connection& on, isolation level, int tries, const F& work)
    -> decltype(work(std::declval<transaction&>())) {
  for (int left = tries;; --left) {
    auto begun = transaction::begin(with, on, level);
    if (!begun) return begun.error();
    auto done = work(*begun);
    if (!done) {
      if (left > 1 && done.error().is_serialization_failure()) continue;
      return done;
    }
    auto committed = begun->commit(with);
    if (committed) return done;
    if (left <= 1 || !committed.error().is_serialization_failure()) return committed.error();
  }
}

}  // namespace lastcall::inline v0::postgres
