// The calls of one gRPC server: their contexts, how each ended, and which are in progress. Knows nothing of gRPC: an
// interceptor tells it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/report/ledgers.hpp"

namespace lastcall::inline v0::grpc::detail {

class calls;

/// One call, from before its handler begins until that has given its status and gRPC says that the call is over, or
/// until this is destroyed.   Threads: any.
class call {
 public:
  /// `key` is the address of its ServerContextBase, by which `context_at` finds it while this lives. `peer` is
  /// "ipv4:10.0.0.7:51234", as gRPC says it. `time_left` is its caller's; empty: there is no deadline.
  call(std::shared_ptr<calls> of, const void* key, std::string_view method, std::string_view peer,
       std::optional<duration> time_left);
  ~call();
  call& operator=(call&&) = delete;

  const context& life() const noexcept { return life_; }
  /// The handler gives its status now.
  void answered() noexcept;
  /// gRPC says that the call is over: its status is sent, or it was cancelled.
  void is_over() noexcept;

 private:
  friend class calls;
  void end(bool with_status) noexcept;
  void one_of_two_done() noexcept;

  const std::shared_ptr<calls> of_;
  const void* const key_;
  const std::string method_;
  const std::string remote_;
  const time_point began_;
  context_source source_;
  const context life_;
  std::atomic<bool> ended_ = false;  // it is in the ledger
  std::atomic<bool> answered_ = false, over_ = false;
  std::atomic<int> to_come_ = 2;  // of these two
};

/// The context of the call with that key. A background context: there is none.
context context_at(const void* key);

/// Threads: any.
class calls {
 public:
  calls() = default;
  calls& operator=(calls&&) = delete;

  /// The contexts of all calls begin to drain, also of those to come.
  void begin_drain(time_point drain_end) noexcept { life_.begin_drain(drain_end); }
  /// They are forced. What ends from now on was forced.
  void force() noexcept;
  bool forced() const noexcept { return forced_; }

  std::size_t in_progress() const noexcept { return in_progress_; }
  /// Returns when there are none, whatever comes.
  void wait_for_the_last();
  /// Each of these returns at `until` at the latest. The first two also when all are forced.
  void wait_for_the_last(time_point until);
  void wait_for_force(time_point until);
  void wait_for_the_last_forced(time_point until);

  request_ledger ledger() const noexcept;
  /// The oldest first.
  std::vector<work_item> items(std::size_t limit) const;

 private:
  friend class call;
  enum class column : unsigned char { answered, abandoned_by_client, timed_out, forced };

  void one_is_done() noexcept;

  context_source life_;
  std::atomic<bool> forced_ = false;
  std::atomic<std::size_t> in_progress_ = 0;
  std::atomic<std::uint64_t> begun_ = 0;
  std::array<std::atomic<std::uint64_t>, 4> ended_{};
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// "10.0.0.7:51234" of "ipv4:10.0.0.7:51234", "[::1]:80" of "ipv6:%5B::1%5D:80"; any other text unchanged.
std::string remote_of(std::string_view peer);

}  // namespace lastcall::inline v0::grpc::detail
