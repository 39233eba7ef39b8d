#include "lastcall/net/connection/owning_set.hpp"

#include <string>
#include <utility>

#include "lastcall/net/connection/connection.hpp"

namespace lastcall::inline v0::net {

owning_set::owning_set(net::loop& loop, const farewell_options& options, abnormal_ends& abnormal) noexcept
    : loop_(loop), options_(options), abnormal_(abnormal), random_(std::random_device()()) {}

time_point owning_set::next_tell_at() noexcept {
  return rules_->tell_at(std::uniform_real_distribution<double>(0, 1)(random_));
}

void owning_set::count_told(connection_kind kind) noexcept {
  counts_.count_told(kind, rules_->tenth_of_window(loop_.now()));
}

time_point owning_set::linger_until(time_point now) const noexcept {
  return rules_ ? rules_->linger_until(now, options_.linger) : now + options_.linger;
}

void owning_set::note_abnormal(const endpoint& remote, connection_state state, io_end how) noexcept {
  abnormal_.note(remote, state, how, loop_.now());
}

void owning_set::note_bad_header(const endpoint& proxy, std::string_view why) noexcept {
  counts_.count_proxy_header(false);
  abnormal_.say(proxy, connection_state::fresh, "its PROXY header: " + std::string(why), loop_.now());
}

bool owning_set::move_address(const endpoint& proxy, const endpoint& client) noexcept {
  if (!addresses_) return false;
  addresses_->leave(proxy);
  return addresses_->enter(client) > most_per_address_;
}

void owning_set::release(connection& closed, connection_end how, bool crossed) noexcept {
  counts_.count_end(how, crossed);
  if (addresses_) addresses_->leave(closed.remote());
  intrusive_list<connection>::erase(closed);
  // Not freed now: it is still on the stack, and an event of this batch may still point to it.
  loop_.free_after_batch(std::unique_ptr<pollable>(&closed));
  if (drained_ && counts_.open() == 0) std::exchange(drained_, nullptr)();
}

}  // namespace lastcall::inline v0::net
