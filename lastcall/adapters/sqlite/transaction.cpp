#include "lastcall/adapters/sqlite/transaction.hpp"

namespace lastcall::inline v0::sqlite {

result<transaction, error> transaction::begin(const context& with, connection& on) {
  const bool reads = sqlite3_db_readonly(on.native_handle(), "main") == 1;
  if (auto begun = on.query(with, reads ? "begin" : "begin immediate"); !begun) return begun.error();
  return transaction(on);
}

// An interrupt may have rolled it back already.
transaction::~transaction() {
  if (on_ != nullptr) on_->roll_back();
}

error transaction::rolled_back() {
  return {error::reason::database, "the transaction was rolled back by an earlier error", SQLITE_ABORT_ROLLBACK};
}

result<rows, error> transaction::commit(const context& with) {
  if (is_over()) return rolled_back();
  auto done = on_->query(with, "commit");
  if (done) on_ = nullptr;
  return done;
}

}  // namespace lastcall::inline v0::sqlite
