#include "lastcall/net/loop/timer_wheel.hpp"

#include <bit>

namespace lastcall::inline v0::net {

timer_wheel::tick_number timer_wheel::first_tick_from(time_point when) const noexcept {
  const duration since = when - start_;
  return static_cast<tick_number>(since / tick) + (since % tick != duration::zero() ? 1 : 0);
}

time_point timer_wheel::time_of(tick_number n) const noexcept { return start_ + static_cast<duration::rep>(n) * tick; }

void timer_wheel::schedule(timer_node& node, time_point when) noexcept {
  node.due_ = std::max(when, time_of(target_ + 1));
  place(node);
}

void timer_wheel::place(timer_node& node) noexcept {
  const tick_number due = first_tick_from(node.due_);
  const unsigned highest_bit = static_cast<unsigned>(std::bit_width(due ^ now_)) - 1;  // they differ
  const unsigned level = highest_bit / slot_bits;
  if (level >= levels) return later_.push_back(node);
  const unsigned index = (due >> (level * slot_bits)) % slots;
  wheel_[level][index].push_back(node);
  filled_[level] |= std::uint64_t{1} << index;
}

std::optional<timer_wheel::tick_number> timer_wheel::next_tick() const noexcept {
  for (unsigned level = 0; level < levels; ++level) {
    for (std::uint64_t& bits = filled_[level]; bits != 0; bits &= bits - 1) {
      const auto index = static_cast<unsigned>(std::countr_zero(bits));
      if (wheel_[level][index].empty()) continue;  // cancelled: the bit goes
      const unsigned shift = level * slot_bits;
      return (now_ >> shift >> slot_bits << slot_bits | index) << shift;
    }
  }
  if (later_.empty()) return std::nullopt;
  constexpr unsigned span_bits = levels * slot_bits;
  return ((now_ >> span_bits) + 1) << span_bits;
}

std::optional<time_point> timer_wheel::next_due() const noexcept {
  if (!firing_.empty()) return time_of(now_);
  const auto next = next_tick();
  return next ? std::optional(time_of(*next)) : std::nullopt;
}

timer_node* timer_wheel::next_expired() noexcept {
  while (firing_.empty()) {
    const auto next = next_tick();
    if (!next || *next > target_) {
      now_ = target_;
      return nullptr;
    }
    now_ = *next;
    open_slots();
  }
  return firing_.pop_front();
}

/// Opens the slot that begins at now_: what is due moves to firing_, the rest to finer levels. Only one level can have
/// such a slot, since all of a level are due before any of the next.
void timer_wheel::open_slots() noexcept {
  slot opened;
  bool in_wheel = false;
  for (unsigned level = 0; level < levels && !in_wheel; ++level) {
    if (filled_[level] == 0) continue;
    const auto index = static_cast<unsigned>(std::countr_zero(filled_[level]));
    opened.splice_back(wheel_[level][index]);
    filled_[level] &= filled_[level] - 1;
    in_wheel = true;
  }
  if (!in_wheel) opened.splice_back(later_);
  while (timer_node* node = opened.pop_front()) {
    if (first_tick_from(node->due_) <= now_)
      firing_.push_back(*node);
    else
      place(*node);
  }
}

}  // namespace lastcall::inline v0::net
