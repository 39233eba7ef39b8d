// One connection to PostgreSQL. Each call is bounded by its context: when that is forced or has no time left, the
// statement is cancelled on the server, and the connection is used again only if the server confirmed that.
// No ORM, no query builder: SQL in, libpq's results out, and libpq's handle for the rest.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "lastcall/adapters/postgres/error.hpp"
#include "lastcall/adapters/postgres/parameters.hpp"
#include "lastcall/adapters/postgres/rows.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/result.hpp"

namespace lastcall::inline v0::postgres {

namespace detail {
struct connection_group;
struct connection_state;
class talk;
struct talk_step;
struct connection_access;
}  // namespace detail

struct connection_options {
  /// libpq's: "dbname=shop host=db1,db2 sslmode=verify-full". What it leaves out comes from PGHOST and so on.
  std::string conninfo = {};
  /// How long a connection may take to open; less if its context has less. It is not divided between the hosts of the
  /// conninfo, and `connect_timeout` has no effect: one that drops packets uses up all of it, unless `tcp_user_timeout`
  /// in the conninfo is less.
  duration connect_within = std::chrono::seconds(5);
  /// How long a statement that was cancelled may take to end. Then the connection is given up.
  duration cancel_within = std::chrono::milliseconds(500);
  /// The server's notices (RAISE NOTICE) are debug lines of this component.
  std::string name = "postgres";
};

/// Threads: one at a time, except `force`. Moving it does not disturb that.
class connection {
 public:
  using options = connection_options;

  /// Blocks: at most `connect_within`, and until the context is forced; longer while the resolver of the C library does
  /// not answer (PQconnectStart). Errors: std::invalid_argument for a conninfo that can't be one: it says which part.
  static result<connection, error> open(const context& with, const options& how, logger log = {});
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  /// One statement. `$1` and so on stand for the values.   Blocks: until the answer is here, the context is forced, or
  /// its time is up; then at most `cancel_within` longer.
  template <parameter... A> result<rows, error> query(const context& with, const char* sql, const A&... values) {
    return run_query(with, sql, detail::parameters(values...).lists());
  }
  /// Names a statement for `execute`; the name lasts as long as the connection. Does nothing if this connection has
  /// prepared the name already.   Errors: std::invalid_argument for a NUL in the name.
  result<rows, error> prepare(const context& with, const std::string& name, const char* sql);
  template <parameter... A> result<rows, error> execute(const context& with, const char* name, const A&... values) {
    return run_prepared(with, name, detail::parameters(values...).lists());
  }

  /// It can take a statement: it is open, and no statement or transaction is unfinished.
  bool is_idle() const noexcept;
  /// The server has closed it, or it was given up.   Does not block: it asks the socket.
  bool is_broken() const noexcept;
  /// Ends what its owner does with it: a statement that runs is cancelled on the server, and its call returns with
  /// reason `forced`, as every later one does at once.   Threads: any, while the connection lives.
  void force() noexcept;
  /// Nobody uses it any more: every call fails, and a pool closes it.
  void give_up() noexcept;
  /// The number of its process on the server, as in pg_stat_activity.
  int backend() const noexcept;
  /// For what is not here. Leave it without a statement in progress.
  PGconn* native_handle() const noexcept;

 private:
  friend class pool;
  friend struct detail::connection_access;
  explicit connection(std::unique_ptr<detail::connection_state> of) noexcept;

  /// Errors: std::invalid_argument.
  static void check(const options& of);
  static result<connection, error> open(const context& with, const options& how,
                                        std::shared_ptr<detail::connection_group> of);
  result<rows, error> run_query(const context& with, const char* sql, detail::parameter_lists values);
  result<rows, error> run_prepared(const context& with, const char* name, detail::parameter_lists values);
  void drive(detail::talk& what);

  std::unique_ptr<detail::connection_state> state_;
};

}  // namespace lastcall::inline v0::postgres
