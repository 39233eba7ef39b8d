#include "lastcall/testing/internal/request_verdict.hpp"

#include <numeric>

namespace lastcall::inline v0::testing {

std::string_view to_text(verdict v) noexcept {
  constexpr std::array<std::string_view, verdicts> names{
      "answered", "reset",          "eof",           "truncated",      "timeout",  "garbage",
      "late",     "refused_before", "refused_after", "connect_failed", "own_limit"};
  return names[static_cast<std::size_t>(v)];
}

verdict judge(const request_facts& facts) noexcept {
  switch (facts.ending) {
    case ending::complete:
      return verdict::answered;
    case ending::refused:
      return facts.after_signal ? verdict::refused_after : verdict::refused_before;
    case ending::unreachable:
      return verdict::connect_failed;
    case ending::own_limit:
      return verdict::own_limit;
    default:
      break;
  }
  if (facts.ending == ending::timeout && facts.reached == progress::connecting) return verdict::connect_failed;
  if (facts.end_was_there) return verdict::late;
  switch (facts.ending) {
    case ending::malformed:
      return verdict::garbage;
    case ending::rst:
      return verdict::reset;
    case ending::timeout:
      return verdict::timeout;
    default:
      return facts.reached == progress::receiving ? verdict::truncated : verdict::eof;
  }
}

void request_counts::spoil() noexcept {
  --counts_[static_cast<std::size_t>(verdict::answered)];
  ++counts_[static_cast<std::size_t>(verdict::garbage)];
}

std::uint64_t request_counts::ended() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::uint64_t request_counts::lost() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < verdicts; ++i) sum += is_lost(static_cast<verdict>(i)) ? counts_[i] : 0;
  return sum;
}

request_counts& request_counts::operator+=(const request_counts& other) noexcept {
  begun_ += other.begun_;
  sent_ += other.sent_;
  for (std::size_t i = 0; i < verdicts; ++i) counts_[i] += other.counts_[i];
  return *this;
}

}  // namespace lastcall::inline v0::testing
