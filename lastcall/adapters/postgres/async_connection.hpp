// The calls of a connection for coroutines: they wait on the coroutine's executor, without a thread. What is said to
// the server, and what a context that ends does, is the same.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/adapters/postgres/copy.hpp"
#include "lastcall/adapters/postgres/listener.hpp"
#include "lastcall/adapters/postgres/pipeline.hpp"
#include "lastcall/adapters/postgres/transaction.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::postgres {

/// `auto lease = *co_await net::acquire(db.connections(), ctx); pg::async_connection on(*lease);`
/// `auto all = *co_await on.query(ctx, "select name from item where id = $1", id);`
/// A local variable of one coroutine: it watches the socket in that coroutine's executor as long as it lives. Await
/// each call at once: statement and values are not copied. A call whose coroutine is destroyed gives the connection up.
/// Errors: its first call throws `unavailable` where no descriptor is left: it needs one.
/// Threads: one coroutine at a time, on an executor that runs one handler at a time: a loop, a strand.
class async_connection {
 public:
  explicit async_connection(connection& on) noexcept;
  ~async_connection();
  async_connection& operator=(async_connection&&) = delete;

  /// As connection's.
  template <parameter... A> task<result<rows, error>> query(context with, const char* sql, const A&... values) {
    return run(std::move(with), nullptr, sql, std::make_unique<detail::parameters<sizeof...(A)>>(values...));
  }
  template <parameter... A> task<result<rows, error>> execute(context with, const char* name, const A&... values) {
    return run(std::move(with), name, nullptr, std::make_unique<detail::parameters<sizeof...(A)>>(values...));
  }
  task<result<rows, error>> prepare(context with, std::string name, std::string sql);

  /// As transaction::begin. The transaction does not block: if it is destroyed before it was committed or rolled back,
  /// its connection is given up, and the server rolls back.
  task<result<transaction, error>> begin(context with, isolation level = isolation::read_committed);
  /// As transaction::commit.
  task<result<rows, error>> commit(transaction& of, context with);
  /// Bounded by `cancel_within`; if that was not enough, the connection is given up, and the server rolls back.
  task<> roll_back(transaction& of);

  /// As pipeline::run.
  task<result<std::vector<rows>, error>> run(pipeline& all, context with);

  /// As copy_in's and copy_out's.
  task<result<copy_in, error>> begin_copy_in(context with, std::string sql);
  task<bool> write(copy_in& to, context with, std::string_view bytes);
  task<result<std::uint64_t, error>> finish(copy_in& of, context with);
  task<result<copy_out, error>> begin_copy_out(context with, std::string sql);
  task<result<std::optional<std::string>, error>> read(copy_out& from, context with);

  /// As listener's.
  task<result<listener, error>> listen(context with, std::string channel);
  task<result<std::optional<notification>, error>> next(listener& of, context with);

  connection& underlying() const noexcept { return on_; }

 private:
  class waits;

  /// A statement: only `sql`; of a name that is prepared: only `name`; that is to be prepared: both.
  task<result<rows, error>> run(context with, const char* name, const char* sql,
                                std::unique_ptr<const detail::any_parameters> values);
  task<> drive(detail::talk& what);
  task<> drive(detail::talk& what, detail::talk_step next);
  detail::talk_step begin(detail::talk& what);
  task<> watch();

  connection& on_;
  std::shared_ptr<waits> waits_;  // null: it has not waited yet
};

}  // namespace lastcall::inline v0::postgres
