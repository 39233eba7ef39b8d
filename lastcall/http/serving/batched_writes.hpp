// Short responses of one batch of events, sent together at its end. The kernel's way to send, and ours to answer, are
// then each gone several times in a row, and are still in the near caches (docs/benchmarks.md has what that is worth).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace lastcall::inline v0::http::detail {

/// A connection whose response may wait for the end of the batch.
class batched_writer {
 public:
  /// The end of the batch has come: send this. `begun` and `status` are as they were given to `put`.
  virtual void send_batched(std::string_view bytes, time_point begun, int status) noexcept = 0;

 protected:
  ~batched_writer() = default;
};

/// Nothing waits longer than until all of the batch have been told: a millisecond as a rule. Where that took longer,
/// since handlers take their time on the loop, nothing is put into it for a while. Threads: its loop's only.
class batched_writes final : public net::batch_end {
 public:
  static constexpr std::size_t most_bytes = 4096;  // of a response; longer ones gain nothing

  explicit batched_writes(net::loop& loop);

  /// There is a batch, and it is likely to be a quick one.
  bool open() const noexcept { return loop_.in_batch() && loop_.now() >= closed_until_; }
  /// False: out of memory. The same connection again only once its pending_write was sent.
  bool put(batched_writer& from, std::string_view bytes, time_point begun, int status) noexcept;
  /// Sends all of it now.
  void send() noexcept;
  /// It has ended.
  void drop(const batched_writer& from) noexcept;

 private:
  struct pending_write {
    batched_writer* from;  // null: dropped
    std::size_t at, size;
    time_point begun;
    int status;
  };

  void after_batch() noexcept override { send(); }

  net::loop& loop_;
  std::vector<pending_write> writes_;
  std::string bytes_;
  time_point since_{};  // of the first pending_write
  time_point closed_until_{};
};

}  // namespace lastcall::inline v0::http::detail
