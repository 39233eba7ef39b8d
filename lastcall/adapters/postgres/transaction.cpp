#include "lastcall/adapters/postgres/transaction.hpp"

#include <utility>

#include "lastcall/adapters/postgres/connection_state.hpp"
#include "lastcall/adapters/postgres/talk.hpp"
#include "lastcall/core/caught.hpp"

namespace lastcall::inline v0::postgres {

const char* transaction::statement_for(isolation level) noexcept {
  switch (level) {
    case isolation::repeatable_read:
      return "begin isolation level repeatable read";
    case isolation::serializable:
      return "begin isolation level serializable";
    default:
      return "begin";
  }
}

result<transaction, error> transaction::begin(const context& with, connection& on, isolation level) {
  if (auto begun = on.query(with, statement_for(level)); !begun) return begun.error();
  return transaction(on, true);
}

// The context of the work may have ended, and a rollback must still be sent: so it has a bound of its own.
transaction::~transaction() {
  if (on_ == nullptr || PQtransactionStatus(on_->native_handle()) == PQTRANS_IDLE) return;
  if (blocks_) static_cast<void>(exception_of([&] { detail::connection_access::roll_back(*on_); }));
  if (!on_->is_idle()) on_->give_up();
}

result<rows, error> transaction::commit(const context& with) { return committed(on_->query(with, "commit")); }

// COMMIT of a transaction in which a statement has failed is no error for the server: its tag says what it was.
result<rows, error> transaction::committed(result<rows, error> done) {
  if (!done) return done;
  if (detail::says_rollback(*done))
    return error(error::reason::server,
                 detail::connection_access::state_of(*on_).how.name +
                     ": rolled back: an earlier statement of the transaction failed",
                 "25P02");
  on_ = nullptr;
  return done;
}

}  // namespace lastcall::inline v0::postgres
