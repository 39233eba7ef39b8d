// Cancels what other connections of a program do on the server, over a connection that is kept for it:
// pg_cancel_backend is bounded and encrypted as every query is; PQcancel of libpq 15 is neither.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/threads/timed_semaphore.hpp"

namespace lastcall::inline v0::postgres::detail {

/// Threads: any; one cancels at a time.
class canceller {
 public:
  explicit canceller(std::string conninfo) : conninfo_(std::move(conninfo)) {}

  /// Opens the connection, so that a cancel need not.   Blocks: until `by`.
  bool open(time_point by);
  /// True: the server has sent the signal to that backend.   Blocks: until `by`.
  bool cancel(int backend, time_point by);

 private:
  struct finish {
    void operator()(PGconn* of) const noexcept { PQfinish(of); }
  };

  bool is_open(time_point by);

  const std::string conninfo_;
  lastcall::detail::timed_semaphore one_;
  std::unique_ptr<PGconn, finish> connection_;
};

}  // namespace lastcall::inline v0::postgres::detail
