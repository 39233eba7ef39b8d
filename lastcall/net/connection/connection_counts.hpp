// The numbers of one connection_set: how many connections are open, what they do, and how the others ended.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lastcall/core/report/report.hpp"
#include "lastcall/net/connection/connection_state.hpp"
#include "lastcall/net/tally.hpp"

namespace lastcall::inline v0::net {

/// Threads: `count_…` and `move_…` on the loop's thread; all that is const on any.
class connection_counts {
 public:
  /// Each accepted connection, once. A replacement is not accepted again.
  void count_accepted() noexcept;
  /// Each accepted connection, once. `crossed`: bytes arrived after our FIN.
  void count_end(connection_end, bool crossed) noexcept;
  /// A connection object begins in this state, as this kind.
  void count_begin(connection_state, connection_kind) noexcept;
  /// A connection object is no longer one of the open ones of its kind.
  void count_departure(connection_kind kind) noexcept { of_kind_[index(kind)].open.subtract(); }
  void move_state(connection_state from, connection_state to) noexcept;
  void move_kind(connection_kind from, connection_kind to) noexcept;
  void count_told(connection_kind, std::size_t tenth_of_window) noexcept;
  /// A connection began with a proxy's header, which was good, or missing or malformed.
  void count_proxy_header(bool good) noexcept { (good ? proxied_ : bad_headers_).add(); }

  connection_ledger ledger() const noexcept;
  std::uint64_t open() const noexcept { return open_.value(); }
  std::uint64_t open(connection_state state) const noexcept { return in_state_[index(state)].value(); }
  std::uint64_t open(connection_kind kind) const noexcept { return of_kind_[index(kind)].open.value(); }
  std::uint64_t ended(connection_end how) const noexcept { return ends_[index(how)].value(); }
  /// How many long-lived remotes were told of the drain: all, of one kind, in one tenth of the jitter window (0 to 9).
  std::uint64_t told() const noexcept;
  std::uint64_t told(connection_kind kind) const noexcept { return of_kind_[index(kind)].told.value(); }
  std::uint64_t told_in_tenth(std::size_t tenth) const noexcept { return told_[tenth].value(); }
  /// Connections with a good header of a proxy, and those whose header was missing or malformed.
  std::uint64_t proxied() const noexcept { return proxied_.value(); }
  std::uint64_t bad_headers() const noexcept { return bad_headers_.value(); }
  /// Connections on which bytes arrived after our FIN: a request that crossed it on the wire.
  std::uint64_t crossed() const noexcept { return crossed_.value(); }

 private:
  struct kind_counts {
    tally open, told;
  };
  template <class E> static constexpr std::size_t index(E value) noexcept { return static_cast<std::size_t>(value); }

  tally open_, accepted_, crossed_, proxied_, bad_headers_;
  tally ends_[6];
  tally in_state_[open_connection_states + 1];
  kind_counts of_kind_[connection_kinds];
  tally told_[10];
};

inline void connection_counts::move_state(connection_state from, connection_state to) noexcept {
  in_state_[index(from)].subtract();
  in_state_[index(to)].add();
}

}  // namespace lastcall::inline v0::net
