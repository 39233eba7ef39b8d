// Short responses of one batch of events, sent together at its end. The kernel's way to send, and ours to answer, are
// then each gone several times in a row, and are still in the near caches (docs/benchmarks.md has what that is worth).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/net/loop.hpp"

namespace lastcall::inline v0::http::detail {

class h1_connection;

/// Nothing waits longer than until all of the batch have been told: a millisecond as a rule. Where that took longer,
/// since handlers take their time on the loop, nothing is put into it for a while. Threads: its loop's only.
class outbox final : public net::chore {
 public:
  static constexpr std::size_t most_bytes = 4096;  // of a response; longer ones gain nothing

  explicit outbox(net::loop& on);

  /// There is a batch, and it is likely to be a quick one.
  bool open() const noexcept { return loop_.in_batch() && loop_.now() >= closed_until_; }
  /// False: out of memory. The same connection again only once its letter was sent.
  bool put(h1_connection& from, std::string_view bytes, time_point begun, int status) noexcept;
  /// Sends all of it now.
  void send() noexcept;
  /// It has ended.
  void drop(const h1_connection& from) noexcept;

 private:
  struct letter {
    h1_connection* from;  // null: dropped
    std::size_t at, size;
    time_point begun;
    int status;
  };

  void behind_batch() noexcept override { send(); }

  net::loop& loop_;
  std::vector<letter> letters_;
  std::string bytes_;
  time_point since_{};  // of the first letter
  time_point closed_until_{};
};

}  // namespace lastcall::inline v0::http::detail
