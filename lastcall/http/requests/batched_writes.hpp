// Short responses of one batch of events, sent together at its end. The code that answers and the kernel's code that
// sends then run several times in a row, while they are in the processor's caches: docs/benchmarks.md says what that
// saves.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/http/requests/request_stats.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace lastcall::inline v0::http::detail {

/// A connection whose response may wait until the end of the batch.
class batched_writer {
 public:
  /// Sends the bytes, of the response that was given to `put`.
  virtual void send_batched(std::string_view bytes, const sent_response& is) noexcept = 0;

 protected:
  ~batched_writer() = default;
};

/// A response waits until all connections of the batch were called, usually less than a millisecond. If a batch takes
/// longer, because handlers block the loop, `open` is false for a while.   Threads: the loop's only.
class batched_writes final : public net::batch_end {
 public:
  static constexpr std::size_t most_bytes = 4096;  // of a response; longer ones gain nothing

  explicit batched_writes(net::loop& loop);

  /// Whether the loop is in a batch that is likely to be short.
  bool open() const noexcept { return loop_.in_batch() && loop_.now() >= closed_until_; }
  /// False: out of memory. One response of each connection at a time.
  bool put(batched_writer& from, std::string_view bytes, const sent_response& is) noexcept;
  /// Sends all of it now.
  void send() noexcept;
  /// The connection has ended: its response is not sent.
  void drop(const batched_writer& from) noexcept;

 private:
  struct pending_write {
    batched_writer* from;  // null: dropped
    std::size_t at, size;
    sent_response is;
  };

  void after_batch() noexcept override { send(); }

  net::loop& loop_;
  std::vector<pending_write> writes_;
  std::string bytes_;
  time_point since_{};  // of the first pending_write
  time_point closed_until_{};
};

}  // namespace lastcall::inline v0::http::detail
