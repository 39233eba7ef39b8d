#include "lastcall/core/report/ledgers.hpp"

namespace lastcall::inline v0 {

connection_ledger& connection_ledger::operator+=(const connection_ledger& other) noexcept {
  accepted += other.accepted;
  closed_clean += other.closed_clean;
  closed_by_remote += other.closed_by_remote;
  reset_by_remote += other.reset_by_remote;
  timed_out += other.timed_out;
  handed_over += other.handed_over;
  forced += other.forced;
  return *this;
}

bool connection_ledger::adds_up() const noexcept {
  return accepted == closed_clean + closed_by_remote + reset_by_remote + timed_out + handed_over + forced;
}

request_ledger& request_ledger::operator+=(const request_ledger& other) noexcept {
  begun += other.begun;
  answered += other.answered;
  rejected += other.rejected;
  abandoned_by_client += other.abandoned_by_client;
  handed_over += other.handed_over;
  forced += other.forced;
  broken += other.broken;
  return *this;
}

bool request_ledger::adds_up() const noexcept {
  return begun == answered + rejected + abandoned_by_client + handed_over + forced + broken;
}

namespace detail {

std::array<ledger_column, 7> columns(const connection_ledger& l) {
  return {{{"accepted", l.accepted},
           {"closed_clean", l.closed_clean},
           {"closed_by_remote", l.closed_by_remote},
           {"reset_by_remote", l.reset_by_remote},
           {"timed_out", l.timed_out},
           {"handed_over", l.handed_over},
           {"forced", l.forced}}};
}

std::array<ledger_column, 7> columns(const request_ledger& l) {
  return {{{"begun", l.begun},
           {"answered", l.answered},
           {"rejected", l.rejected},
           {"abandoned_by_client", l.abandoned_by_client},
           {"handed_over", l.handed_over},
           {"forced", l.forced},
           {"broken", l.broken}}};
}

}  // namespace detail

}  // namespace lastcall::inline v0
