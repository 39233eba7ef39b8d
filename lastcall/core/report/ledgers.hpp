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
  std::uint64_t broken = 0;     ///< a handler failed in the middle of its response; the client saw that it is not whole
  std::uint64_t timed_out = 0;  ///< its timeout passed: the client was told 504, or saw that the response is not whole

  request_ledger& operator+=(const request_ledger& other) noexcept;
  bool adds_up() const noexcept;
  bool operator==(const request_ledger&) const = default;
};

namespace detail {

/// A column, with its name in report and metrics.
template <class Ledger> struct ledger_column {
  const char* name;
  std::uint64_t Ledger::* count;
};

/// All columns, the sum first. The one list of them: for sums and the report.
template <class Ledger> inline constexpr std::array<ledger_column<Ledger>, 0> columns{};
template <>
inline constexpr std::array<ledger_column<connection_ledger>, 7> columns<connection_ledger>{
    {{"accepted", &connection_ledger::accepted},
     {"closed_clean", &connection_ledger::closed_clean},
     {"closed_by_remote", &connection_ledger::closed_by_remote},
     {"reset_by_remote", &connection_ledger::reset_by_remote},
     {"timed_out", &connection_ledger::timed_out},
     {"handed_over", &connection_ledger::handed_over},
     {"forced", &connection_ledger::forced}}};
template <>
inline constexpr std::array<ledger_column<request_ledger>, 8> columns<request_ledger>{
    {{"begun", &request_ledger::begun},
     {"answered", &request_ledger::answered},
     {"rejected", &request_ledger::rejected},
     {"abandoned_by_client", &request_ledger::abandoned_by_client},
     {"handed_over", &request_ledger::handed_over},
     {"forced", &request_ledger::forced},
     {"broken", &request_ledger::broken},
     {"timed_out", &request_ledger::timed_out}}};

}  // namespace detail

}  // namespace lastcall::inline v0
