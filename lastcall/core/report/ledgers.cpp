#include "lastcall/core/report/ledgers.hpp"

namespace lastcall::inline v0 {
namespace {

template <class Ledger> Ledger& add(Ledger& to, const Ledger& other) noexcept {
  for (const auto& [name, count] : detail::columns<Ledger>) to.*count += other.*count;
  return to;
}

template <class Ledger> bool others_are_the_first(const Ledger& ledger) noexcept {
  std::uint64_t left = 2 * (ledger.*detail::columns<Ledger>[0].count);
  for (const auto& [name, count] : detail::columns<Ledger>) left -= ledger.*count;
  return left == 0;
}

}  // namespace

connection_ledger& connection_ledger::operator+=(const connection_ledger& other) noexcept { return add(*this, other); }
request_ledger& request_ledger::operator+=(const request_ledger& other) noexcept { return add(*this, other); }
bool connection_ledger::adds_up() const noexcept { return others_are_the_first(*this); }
bool request_ledger::adds_up() const noexcept { return others_are_the_first(*this); }

}  // namespace lastcall::inline v0
