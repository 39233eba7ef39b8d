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

result<rows, error> transaction::commit(const context& with) {
  auto done = on_->query(with, "commit");
  if (done) on_ = nullptr;
  return done;
}

}  // namespace lastcall::inline v0::sqlite
