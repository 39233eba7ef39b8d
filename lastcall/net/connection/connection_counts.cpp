#include "lastcall/net/connection/connection_counts.hpp"

namespace lastcall::inline v0::net {

void connection_counts::count_accepted() noexcept {
  accepted_.add();
  open_.add();
}

void connection_counts::count_end(connection_end how, bool crossed) noexcept {
  ends_[index(how)].add();
  open_.subtract();
  if (crossed) crossed_.add();
}

void connection_counts::count_begin(connection_state state, connection_kind kind) noexcept {
  in_state_[index(state)].add();
  of_kind_[index(kind)].open.add();
}

void connection_counts::move_kind(connection_kind from, connection_kind to) noexcept {
  of_kind_[index(from)].open.subtract();
  of_kind_[index(to)].open.add();
}

void connection_counts::count_told(connection_kind kind, std::size_t tenth_of_window) noexcept {
  of_kind_[index(kind)].told.add();
  told_[tenth_of_window].add();
}

std::uint64_t connection_counts::told() const noexcept {
  std::uint64_t all = 0;
  for (const kind_counts& each : of_kind_) all += each.told.value();
  return all;
}

connection_ledger connection_counts::ledger() const noexcept {
  return {.accepted = accepted_.value(),
          .closed_clean = ended(connection_end::clean),
          .closed_by_remote = ended(connection_end::by_remote),
          .reset_by_remote = ended(connection_end::reset),
          .timed_out = ended(connection_end::timed_out),
          .handed_over = ended(connection_end::handed_over),
          .forced = ended(connection_end::forced)};
}

}  // namespace lastcall::inline v0::net
