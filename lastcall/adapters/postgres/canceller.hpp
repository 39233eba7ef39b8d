// Cancels what other connections of a program do on the server, over a connection that is kept for it:
// pg_cancel_backend is bounded and encrypted as every query is; PQcancel of libpq 15 is neither.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0::postgres::detail {

/// The number alone does not name a process: a conninfo may name several servers.
struct server_process {
  int number = 0;
  std::string server = {};  // as server_of says
};

/// Address and port of the server that it is connected to; for a Unix socket its folder.
std::string server_of(const PGconn* of);

/// Ownership: shared by a pool, its connections, and the thread that works while there is something to cancel. Only
/// that thread uses the connection.
/// Threads: any.   Blocks: not.
class canceller : public std::enable_shared_from_this<canceller> {
 public:
  explicit canceller(std::string conninfo, std::string name) : conninfo_(std::move(conninfo)), name_(std::move(name)) {}

  /// Opens the connection, so that a cancel need not. It gives up at `by`.
  void open_ahead(time_point by) noexcept { request({.backend = {.number = opens}, .by = by, .done = {}}); }
  /// Closes it, behind what was asked for before. A later cancel opens one for itself.
  void close() noexcept { request({.backend = {.number = closes}, .by = {}, .done = {}}); }
  /// Calls `done(true)` when the server has sent the signal to that backend, `done(false)` when it can't be had until
  /// about `by`, or the canceller's connection leads to another server. `done` runs on the thread of the canceller, or
  /// in this call when there is no thread or no room.
  void cancel(server_process backend, time_point by, function<void(bool sent)> done) noexcept {
    request({.backend = std::move(backend), .by = by, .done = std::move(done)});
  }

 private:
  struct wish {
    server_process backend;  // or one of those below
    time_point by;
    function<void(bool)> done;
    bool sent = false;
  };
  struct finish {
    void operator()(PGconn* of) const noexcept { PQfinish(of); }
  };

  static constexpr int opens = 0;
  static constexpr int closes = -1;
  static constexpr std::size_t most_waiting = 10'000;  // as many as a pool may have connections

  void request(wish what) noexcept;
  void work() noexcept;
  void grant(std::vector<wish>& all) noexcept;
  bool is_open(time_point by);
  void signal(std::vector<wish>& all, time_point by);

  const std::string conninfo_;
  const std::string name_;
  std::unique_ptr<PGconn, finish> connection_;
  bool closed_ = false;
  std::mutex mutex_;  // of what follows
  std::vector<wish> waiting_;
  bool works_ = false;
};

/// PQcancel for where there is no canceller to be had. It has no bound, so it has a thread, which owns all that it
/// uses. Does nothing while several of these threads hang.
void cancel_without_bound(std::shared_ptr<PGcancel> handle) noexcept;

}  // namespace lastcall::inline v0::postgres::detail
