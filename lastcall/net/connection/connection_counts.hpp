// The numbers of one connection_set: how many connections are open, what they do, and how the others ended.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lastcall/core/report/report.hpp"
#include "lastcall/net/connection/connection_state.hpp"
#include "lastcall/net/tally.hpp"

namespace lastcall::inline v0::net {

/// What several sets have counted, added up. The numbers are of slightly different moments.
struct connection_numbers {
  struct of_kind {
    std::uint64_t open = 0, told = 0;
  };

  connection_ledger ledger{};
  std::uint64_t told = 0;  ///< long-lived remotes that were told of the drain
  std::uint64_t crossed =
      0;  ///< connections on which bytes arrived after our FIN: a request that crossed it on the wire
  std::uint64_t proxied = 0;                                     ///< with a good header of a proxy
  std::uint64_t bad_headers = 0;                                 ///< whose header was missing or malformed
  std::uint64_t received_bytes = 0, sent_bytes = 0;              ///< without TLS's own
  std::array<std::uint64_t, open_connection_states> in_state{};  ///< of those that are open
  std::array<of_kind, connection_kinds> kinds{};
  std::array<std::uint64_t, 10> told_in_tenth{};  ///< of the jitter window
};

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
  void count_received(std::size_t bytes) noexcept { received_bytes_.add(bytes); }
  void count_sent(std::size_t bytes) noexcept { sent_bytes_.add(bytes); }
  void count_proxy_header(bool good) noexcept { (good ? proxied_ : bad_headers_).add(); }

  std::uint64_t open() const noexcept { return open_.value(); }
  std::uint64_t ended(connection_end how) const noexcept { return ends_[index(how)].value(); }
  void add_to(connection_numbers&) const noexcept;

 private:
  struct kind_counts {
    tally open, told;
  };
  template <class E> static constexpr std::size_t index(E value) noexcept { return static_cast<std::size_t>(value); }

  tally open_, accepted_, crossed_, proxied_, bad_headers_, received_bytes_, sent_bytes_;
  tally ends_[connection_ends];
  tally in_state_[open_connection_states + 1];
  kind_counts of_kind_[connection_kinds];
  tally told_[10];
};

inline void connection_counts::move_state(connection_state from, connection_state to) noexcept {
  in_state_[index(from)].subtract();
  in_state_[index(to)].add();
}

}  // namespace lastcall::inline v0::net
