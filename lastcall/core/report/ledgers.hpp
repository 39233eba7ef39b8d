// What became of every connection and every request. All columns but the first add up to the first.
#pragma once

#include <array>
#include <cstdint>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0 {

/// Where every accepted connection went.
struct connection_ledger {
  std::uint64_t accepted = 0;
  std::uint64_t closed_clean = 0;      ///< closed by us, and the remote has all that we sent
  std::uint64_t closed_by_remote = 0;  ///< the remote sent FIN, and nothing was unfinished
  std::uint64_t reset_by_remote = 0;
  std::uint64_t timed_out = 0;  ///< too slow, or too slow to close after our FIN
  std::uint64_t handed_over = 0;
  std::uint64_t forced = 0;  ///< cut by us with work in it

  connection_ledger& operator+=(const connection_ledger& other) noexcept;
  /// Each accepted connection stands in exactly one other column. False while a connection is open.
  bool adds_up() const noexcept;
  bool operator==(const connection_ledger&) const = default;
};

/// Where every request went. A request has *begun* with the first byte of its head.
struct request_ledger {
  std::uint64_t begun = 0;
  std::uint64_t answered = 0;  ///< the kernel has the last byte of a handler's response
  std::uint64_t rejected = 0;  ///< refused by the server itself, before a handler ran
  std::uint64_t abandoned_by_client = 0;
  std::uint64_t handed_over = 0;
  std::uint64_t forced = 0;
  std::uint64_t broken = 0;  ///< a handler failed in the middle of its response; the client saw that it is not whole

  request_ledger& operator+=(const request_ledger& other) noexcept;
  bool adds_up() const noexcept;
  bool operator==(const request_ledger&) const = default;
};

namespace detail {

/// A number of a ledger with its name in the report.
struct ledger_column {
  const char* name;
  std::uint64_t count;
};

/// All columns, the sum first.
std::array<ledger_column, 7> columns(const connection_ledger& ledger);
std::array<ledger_column, 7> columns(const request_ledger& ledger);

}  // namespace detail

}  // namespace lastcall::inline v0
