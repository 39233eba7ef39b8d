// The connections of one server on one loop: owns them, drains them and forces them. Shares nothing with the sets of
// other loops, so counting and draining take no lock.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/net/connection/connection.hpp"
#include "lastcall/net/connection/owning_set.hpp"

namespace lastcall::inline v0::net {

/// Threads: its loop's only, except `ledger` and reading `counts`.
class connection_set final : public owning_set, private timed {
 public:
  /// `last_words`: the time that handlers have after `force_soon`. The references must outlive the set.
  connection_set(net::loop& loop, const farewell_options& options, abnormal_ends& abnormal,
                 duration last_words) noexcept
      : owning_set(loop, options, abnormal), last_words_(last_words) {}

  /// Cuts what is left, and does not call `drained`. The loop must have stopped, or this is its thread.
  ~connection_set();

  /// Calls `counts.leave()` for each connection that ends; the server calls `counts.enter()` itself, when it accepts. A
  /// client behind a proxy may have at most `most` connections.
  void count_addresses(address_counts& counts, std::size_t most) noexcept {
    addresses_ = &counts;
    most_per_address_ = most;
  }

  /// Owns and watches the connection from now on. While draining, tells it so at once; after `force`, cuts it.
  void adopt(std::unique_ptr<connection>) noexcept;
  void replace(connection& before, std::unique_ptr<connection> replacement) noexcept override;

  /// Begins to tell all connections, in pieces. Those that are unfinished at `drain_end` are left to `force`.
  void begin_drain(time_point drain_end) noexcept;
  /// Calls `drained` as soon as no connection is left, perhaps at once. To be called when no more will be adopted.
  void finish(function<void()> drained) noexcept;
  /// Cuts all. Returns how many of them had work in progress.
  std::size_t force() noexcept;
  /// Cuts all after `last_words`: until then a handler whose context has ended may still send its client an error.
  void force_soon() noexcept { loop_.schedule(*this, loop_.refresh_now() + last_words_); }

  /// Appends the work in progress, the oldest first, at most `limit` items.
  void oldest_work(std::vector<work_item>& out, std::size_t limit, time_point now);

 private:
  void catch_up(connection&) noexcept;
  void drain_some() noexcept;
  void on_due(time_point) noexcept override { force(); }

  const duration last_words_;
  intrusive_list<connection> all_;     // but those in untold_
  intrusive_list<connection> untold_;  // they have not heard of the drain yet
  bool forced_ = false;
};

}  // namespace lastcall::inline v0::net
