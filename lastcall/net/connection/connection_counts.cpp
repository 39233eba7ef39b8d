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

void connection_counts::add_to(connection_numbers& all) const noexcept {
  all.ledger.accepted += accepted_.value();
  for (std::size_t i = 0; i < connection_ends; ++i)  // the first column is their sum
    all.ledger.*lastcall::detail::columns<connection_ledger>[i + 1].count += ends_[i].value();
  all.crossed += crossed_.value();
  all.proxied += proxied_.value();
  all.bad_headers += bad_headers_.value();
  all.received_bytes += received_bytes_.value();
  all.sent_bytes += sent_bytes_.value();
  for (std::size_t i = 0; i < open_connection_states; ++i) all.in_state[i] += in_state_[i].value();
  for (std::size_t i = 0; i < connection_kinds; ++i) {
    all.kinds[i].open += of_kind_[i].open.value();
    all.kinds[i].told += of_kind_[i].told.value();
    all.told += of_kind_[i].told.value();
  }
  for (std::size_t i = 0; i < 10; ++i) all.told_in_tenth[i] += told_[i].value();
}

}  // namespace lastcall::inline v0::net
