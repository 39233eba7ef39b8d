#include "lastcall/adapters/redis/session_effect.hpp"

#include <strings.h>

#include <algorithm>
#include <array>

namespace lastcall::inline v0::redis::detail {

namespace {

bool same(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}
template <std::size_t N> bool is_one_of(std::string_view name, const std::array<std::string_view, N>& all) noexcept {
  return std::ranges::any_of(all, [&](std::string_view each) { return same(name, each); });
}

constexpr std::array<std::string_view, 9> takes_over{
    "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR", "SYNC", "PSYNC"};
constexpr std::array<std::string_view, 9> changes{"SELECT", "AUTH",     "HELLO",     "CLIENT", "RESET",
                                                  "ASKING", "READONLY", "READWRITE", "QUIT"};

}  // namespace

bool session_effect::add(std::string_view name) noexcept {
  if (is_one_of(name, takes_over)) return false;
  if (is_one_of(name, changes)) changed_ = true;
  if (same(name, "MULTI")) in_transaction_ = true;
  if (same(name, "WATCH")) watches_ = true;
  if (same(name, "UNWATCH") && !in_transaction_) {
    unwatched_ = true;
    watches_ = false;
  }
  if (same(name, "EXEC") || same(name, "DISCARD")) {
    ended_ = true;
    in_transaction_ = watches_ = false;
  }
  return true;
}

void session_effect::add(const session_effect& later) noexcept {
  if (later.ended_ || (later.unwatched_ && !in_transaction_)) watches_ = false;
  if (later.ended_) in_transaction_ = false;
  in_transaction_ |= later.in_transaction_;
  watches_ |= later.watches_;
  changed_ |= later.changed_;
}

}  // namespace lastcall::inline v0::redis::detail
