#include "lastcall/adapters/redis/session_effect.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lastcall::inline v0::redis::detail {

namespace {

using enum session_verb;

constexpr std::array<std::pair<std::string_view, session_verb>, 23> verbs{{
    {"MULTI", multi},
    {"EXEC", exec},
    {"DISCARD", discard},
    {"WATCH", watch},
    {"UNWATCH", unwatch},
    {"SELECT", change},
    {"AUTH", change},
    {"HELLO", change},
    {"CLIENT", change},
    {"RESET", change},
    {"ASKING", change},
    {"READONLY", change},
    {"READWRITE", change},
    {"QUIT", change},
    {"SUBSCRIBE", take_over},
    {"PSUBSCRIBE", take_over},
    {"SSUBSCRIBE", take_over},
    {"UNSUBSCRIBE", take_over},
    {"PUNSUBSCRIBE", take_over},
    {"SUNSUBSCRIBE", take_over},
    {"MONITOR", take_over},
    {"SYNC", take_over},
    {"PSYNC", take_over},
}};

}  // namespace

session_verb session_verb_of(std::string_view name) noexcept {
  const auto found = std::ranges::find_if(verbs, [&](const auto& each) {
    return each.first.size() == name.size() && ::strncasecmp(each.first.data(), name.data(), name.size()) == 0;
  });
  return found == verbs.end() ? none : found->second;
}

// What is refused has changed nothing. But an EXEC that is refused with EXECABORT has ended the transaction, and with
// it the watch; without a MULTI it is refused, and what is watched stays so.
void session_effect::add(session_verb done, std::string_view refusal) noexcept {
  if (!refusal.empty() && !(done == exec && refusal.starts_with("EXECABORT"))) return;
  if (done == multi) in_transaction_ = true;
  if (done == watch) watches_ = true;
  if (done == unwatch && !in_transaction_) watches_ = false;  // otherwise it is only queued
  if (done == change) changed_ = true;
  if (done == exec || done == discard) in_transaction_ = watches_ = false;
}

}  // namespace lastcall::inline v0::redis::detail
