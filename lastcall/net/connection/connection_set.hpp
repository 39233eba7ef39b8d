// The connections of one server on one loop: who they are, how they ended, and their drain. Shares nothing with the
// sets of other loops, so counting and draining take no lock.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "lastcall/core/function.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/work_item.hpp"
#include "lastcall/net/connection/abnormal_ends.hpp"
#include "lastcall/net/connection/address_counts.hpp"
#include "lastcall/net/connection/connection.hpp"

namespace lastcall::inline v0::net {

/// A number with one writer: counted without a locked instruction, read by anybody.
class tally {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n = 1) noexcept { add(~n + 1); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How connections are said goodbye to.
struct farewell_options {
  /// How long an idle connection must have been quiet before a drain closes it. 0 closes it at once and loses what
  /// crosses.
  duration silence = std::chrono::seconds(1);
  /// The longest time from our FIN to the close. 0 closes without lingering: an RST can then destroy a response.
  duration linger = std::chrono::seconds(2);
  /// The longest time from the remote's acknowledgement of our FIN: it has all our bytes, and only its own end is
  /// missing.
  duration linger_acknowledged = std::chrono::milliseconds(150);
  /// The window over which long-lived remotes are told that we drain, each at a random moment of it, so that they do
  /// not all come back at once. Never more than half of the drain. 0 tells all at once.
  duration jitter = duration::zero();
};

/// Threads: its loop's only, but for `ledger` and the counts.
class connection_set final : private timed {
 public:
  connection_set(net::loop& on, const farewell_options& options, abnormal_ends& abnormal, duration last_words) noexcept
      : loop_(on), options_(options), abnormal_(abnormal), last_words_(last_words), random_(std::random_device()()) {}

  /// Cuts what is left. Nobody runs the loop any more, or its thread destroys the set.
  ~connection_set() {
    drained_ = nullptr;
    force();
  }

  /// Tells `counts` of each connection that ends; those that enter, the server has told it of.
  /// An address has at most so many.
  void tell_of_ends(address_counts& counts, std::size_t most) noexcept {
    addresses_ = &counts;
    most_per_address_ = most;
  }

  /// Takes it in and listens to it. While draining it is told so at once.
  void adopt(std::unique_ptr<connection>) noexcept;
  /// Puts `replacement`, made from `before`, in its place: one connection in the ledger. `before` is not told, and is
  /// gone when the present batch of events is over. What is readable is announced to the replacement, which hears of a
  /// drain as a newcomer does.
  void replace(connection& before, std::unique_ptr<connection> replacement) noexcept;

  /// Tells all. Those still unfinished at `drain_end` are left to `force`.
  void begin_drain(time_point drain_end) noexcept;
  /// No more will be adopted: `drained` is called as soon as there is none left.
  void finish(function<void()> drained) noexcept;
  /// Cuts all. Returns how many had work in progress.
  std::size_t force() noexcept;
  /// The same, a little later: handlers that see the end of their context may still say so to their client.
  void force_soon() noexcept { loop_.schedule(*this, loop_.refresh_now() + last_words_); }

  /// Adds what its connections are at work on, at most `limit` of it, the oldest first.
  void oldest_work(std::vector<work_item>& out, std::size_t limit, time_point now);

  bool draining() const noexcept { return rules_.has_value(); }
  net::loop& loop() const noexcept { return loop_; }
  const farewell_options& options() const noexcept { return options_; }

  connection_ledger ledger() const noexcept;
  std::uint64_t open() const noexcept { return open_.value(); }
  std::uint64_t open(connection_state in) const noexcept { return in_state_[static_cast<std::size_t>(in)].value(); }
  std::uint64_t open(connection_kind of) const noexcept { return kinds_[static_cast<std::size_t>(of)].open.value(); }
  /// How many long-lived remotes were told of the drain; of one kind; in one tenth of the jitter window.
  std::uint64_t told() const noexcept;
  std::uint64_t told(connection_kind of) const noexcept { return kinds_[static_cast<std::size_t>(of)].told.value(); }
  std::uint64_t told_in_tenth(std::size_t of_window) const noexcept { return told_[of_window].value(); }
  /// Connections whose proxy said who their client is, and those whose proxy's header was missing or malformed.
  std::uint64_t proxied() const noexcept { return proxied_.value(); }
  std::uint64_t bad_headers() const noexcept { return bad_headers_.value(); }
  /// Connections on which bytes arrived after our FIN: a request that crossed it on the wire.
  std::uint64_t crossed() const noexcept { return crossed_.value(); }

 private:
  friend class connection;
  struct of_kind {
    tally open, told;
  };

  void tell_some() noexcept;
  time_point next_tell_at() noexcept;
  void count_told(const connection&) noexcept;
  void remove(connection&, connection_end) noexcept;
  /// It turns out to come from elsewhere, through a proxy. Whether there are too many from there.
  bool rename(connection&, const endpoint& to) noexcept;
  void count_proxied(bool well, const endpoint& proxy, std::string_view why) noexcept;
  /// When a farewell that begins now has taken long enough. A remote that never finishes its own must not make the
  /// drain look unfinished at its end, where work is forced; one that begins later than that gets its whole time.
  time_point linger_until(time_point now) const noexcept;
  void on_due(time_point) noexcept override { force(); }

  net::loop& loop_;
  const farewell_options& options_;
  abnormal_ends& abnormal_;
  const duration last_words_;
  address_counts* addresses_ = nullptr;
  std::size_t most_per_address_ = 0;
  intrusive_list<connection> all_;
  intrusive_list<connection> untold_;  // of all, those who have not heard of the drain yet
  std::optional<drain_rules> rules_;
  bool forced_ = false;
  function<void()> drained_;
  tally open_, accepted_, crossed_, proxied_, bad_headers_;
  tally ends_[6];
  tally in_state_[open_connection_states + 1];
  of_kind kinds_[connection_kinds];
  tally told_[10];
  std::minstd_rand random_;
};

// What a connection does for each request: inline, where both classes are known.

inline bool connection::draining() const noexcept { return set_.draining(); }
inline time_point connection::loop_now() const noexcept { return set_.loop().now(); }

inline void connection::become(connection_state state) noexcept {
  if (state == state_) return;
  set_.in_state_[static_cast<std::size_t>(state_)].subtract();
  state_ = state;
  set_.in_state_[static_cast<std::size_t>(state_)].add();
}

inline void connection::enter(connection_state state, time_point by) noexcept {
  become(state);
  if (set_.rules_) {
    by = std::min(by, set_.rules_->close_at(state, past_));
    if (state == connection_state::upgraded) by = std::min(by, tell_at_);
  }
  bound(by);
}

inline void connection::bound(time_point by) noexcept {
  by_ = by;
  if (!armed() || due() > by) set_.loop().schedule(*this, by);  // armed earlier: on_due looks again
}

inline void connection::note_response() noexcept { past_.last_active = loop_now(); }

inline void connection::note_request() noexcept {
  past_.longest_pause = remember_pause(past_.longest_pause, loop_now() - past_.last_active);
}

}  // namespace lastcall::inline v0::net
