#include "lastcall/work/lease_book.hpp"

#include <algorithm>

namespace lastcall::inline v0::detail {

namespace {
duration part(duration of, double share) noexcept {
  return duration(static_cast<duration::rep>(static_cast<double>(of.count()) * share));
}
}  // namespace

lease_book::lease_book(timing of) : timing_(of), slots_(of.most) {
  idle_.reserve(of.most);
  to_close_.reserve(of.most);
}

std::optional<std::size_t> lease_book::lend() noexcept {
  if (closed_ || idle_.empty() || !waiters_.empty()) return std::nullopt;
  const std::size_t which = idle_.back();
  idle_.pop_back();
  slots_[which].at = state::lent;
  ++lent_;
  return which;
}

void lease_book::enqueue(lease_waiter& last) {
  last.place = waiters_.insert(waiters_.end(), &last);
  last.at = lease_waiter::state::waiting;
}

void lease_book::withdraw(lease_waiter& who) noexcept {
  waiters_.erase(who.place);
  who.at = lease_waiter::state::refused;
}

bool lease_book::grant() noexcept {
  if (idle_.empty() || waiters_.empty()) return false;
  lease_waiter& first = *waiters_.front();
  waiters_.pop_front();
  first.slot = idle_.back();
  idle_.pop_back();
  slots_[first.slot].at = state::lent;
  ++lent_;
  first.at = lease_waiter::state::granted;
  first.told();
  return true;
}

std::optional<std::size_t> lease_book::next_to_open(time_point now) noexcept {
  if (closed_ || now < next_try_) return std::nullopt;
  if (opening_ >= (failing_since_ ? 1 : most_opening)) return std::nullopt;
  const std::size_t there = occupied_ - opening_;
  const std::size_t waiting = waiters_.size() - std::min(idle_.size(), waiters_.size());  // that no idle one can serve
  const std::size_t asked = std::max(waiting, timing_.kept_idle - std::min(there, timing_.kept_idle));
  const std::size_t wanted = std::max<std::size_t>(asked, timing_.tries_unasked && failing_since_ ? 1 : 0);
  if (opening_ >= wanted) return std::nullopt;
  const auto free = std::ranges::find(slots_, state::empty, &slot_state::at);
  if (free == slots_.end()) return std::nullopt;
  free->at = state::opening;
  ++opening_;
  ++occupied_;
  return static_cast<std::size_t>(free - slots_.begin());
}

std::optional<std::size_t> lease_book::next_to_close() noexcept {
  if (to_close_.empty()) return std::nullopt;
  const std::size_t which = to_close_.back();
  to_close_.pop_back();
  return which;
}

void lease_book::opened(std::size_t which, time_point now, double random) noexcept {
  --opening_;
  failing_since_.reset();
  pause_ = {};
  next_try_ = {};
  slot_state& it = slots_[which];
  // A tenth of spread, so that what was opened together does not end together.
  it.ends = later(now, part(timing_.lifetime, 1 - 0.1 * random));
  it.since = now;
  if (closed_) return to_close(which);
  it.at = state::idle;
  idle_.push_back(which);
}

void lease_book::failed_to_open(std::size_t which, time_point now, double random) noexcept {
  --opening_;
  now_empty(which);
  if (!failing_since_) failing_since_ = now;
  pause_ = std::min(timing_.longest_pause, pause_ == duration::zero() ? timing_.first_pause : 2 * pause_);
  next_try_ = later(now, part(pause_, 0.5 + 0.5 * random));
}

time_point lease_book::returned(std::size_t which, bool usable, time_point now) noexcept {
  --lent_;
  slot_state& it = slots_[which];
  it.since = now;
  if (!usable || closed_ || now >= it.ends) {
    to_close(which);
    return now;
  }
  it.at = state::idle;
  idle_.push_back(which);
  return std::min(it.ends, later(now, timing_.idle_time));
}

void lease_book::closed(std::size_t which) noexcept { now_empty(which); }

bool lease_book::idle_for_too_long(const slot_state& it, time_point now) const noexcept {
  return now >= it.ends || (now - it.since >= timing_.idle_time && idle_.size() > timing_.kept_idle);
}

void lease_book::expire(time_point now) noexcept {
  for (std::size_t at = 0; at < idle_.size();) {  // the first has been idle longest
    if (!idle_for_too_long(slots_[idle_[at]], now)) {
      ++at;
      continue;
    }
    const std::size_t which = idle_[at];
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(at));
    to_close(which);
  }
}

time_point lease_book::wakes(time_point now) const noexcept {
  if (closed_) return time_point::max();
  time_point next = next_try_ > now ? next_try_ : time_point::max();
  for (const std::size_t which : idle_) {
    next = std::min(next, slots_[which].ends);
    if (idle_.size() > timing_.kept_idle) next = std::min(next, later(slots_[which].since, timing_.idle_time));
  }
  return next;
}

void lease_book::close() noexcept {
  closed_ = true;
  for (const std::size_t which : idle_) to_close(which);
  idle_.clear();
  for (lease_waiter* who : waiters_) {
    who->at = lease_waiter::state::refused;
    who->told();
  }
  waiters_.clear();
}

void lease_book::to_close(std::size_t which) noexcept {
  slots_[which].at = state::closing;
  to_close_.push_back(which);
}

void lease_book::now_empty(std::size_t which) noexcept {
  slots_[which].at = state::empty;
  --occupied_;
}

}  // namespace lastcall::inline v0::detail
