#include "lastcall/adapters/postgres/canceller.hpp"

#include "lastcall/adapters/postgres/rows.hpp"
#include "lastcall/adapters/postgres/wire.hpp"

namespace lastcall::inline v0::postgres::detail {

namespace {

struct exclusive_use {
  exclusive_use(lastcall::detail::timed_semaphore& of, time_point by) : of_(of), has_(of.acquire(by)) {}
  ~exclusive_use() {
    if (has_) of_.release();
  }
  exclusive_use& operator=(exclusive_use&&) = delete;

  lastcall::detail::timed_semaphore& of_;
  const bool has_;
};

}  // namespace

bool canceller::open(time_point by) {
  const exclusive_use mine(one_, by);
  return mine.has_ && is_open(by);
}

bool canceller::is_open(time_point by) {
  if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK) return true;
  connection_.reset(PQconnectStart(conninfo_.c_str()));
  if (detail::open(connection_.get(), by) && PQsetnonblocking(connection_.get(), 1) == 0) return true;
  connection_.reset();
  return false;
}

bool canceller::cancel(int backend, time_point by) {
  const exclusive_use mine(one_, by);
  if (!mine.has_) return false;
  for (int tries = 0; tries < 2; ++tries) {  // a connection that broke while it was idle is opened anew, once
    if (!is_open(by)) return false;
    const std::string id = std::to_string(backend);
    const char* const values[]{id.c_str()};
    if (PQsendQueryParams(connection_.get(), "select pg_cancel_backend($1)", 1, nullptr, values, nullptr, nullptr, 0) ==
        1) {
      wanted next = step_of_query(connection_.get());
      while (next != wanted::nothing && next != wanted::failed) {
        if (!wait(connection_.get(), next, by)) {
          connection_.reset();
          return false;
        }
        next = PQconsumeInput(connection_.get()) == 1 ? step_of_query(connection_.get()) : wanted::failed;
      }
      if (next == wanted::nothing) {
        const rows answer(PQgetResult(connection_.get()));
        const bool sent = answer.size() == 1 && answer[0].text(0) == "t";
        while (PGresult* const rest = PQgetResult(connection_.get())) PQclear(rest);
        return sent;
      }
    }
    connection_.reset();
  }
  return false;
}

}  // namespace lastcall::inline v0::postgres::detail
