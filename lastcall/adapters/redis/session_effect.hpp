// What commands leave behind on their connection: one that is not as it was must not go to the next user of a pool.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::redis::detail {

/// What a command is to its connection.
enum class session_verb : unsigned char {
  none,
  multi,
  exec,
  discard,
  watch,
  unwatch,
  change,     ///< another database, user or form of answers
  take_over,  ///< after it the connection answers in another way than one reply for a command
};

session_verb session_verb_of(std::string_view name) noexcept;

/// Which of several commands it is.
using session_use = std::pair<std::size_t, session_verb>;

/// Pure. Of one command after the other, with what the server answered.
class session_effect {
 public:
  /// `refusal`: the text of the server's error; empty: it was carried out, or queued.
  void add(session_verb done, std::string_view refusal) noexcept;

  /// Nothing is left: no transaction, no watched key, no other database or user.
  bool is_none() const noexcept { return !in_transaction_ && !watches_ && !changed_; }
  bool in_transaction() const noexcept { return in_transaction_; }

 private:
  bool in_transaction_ = false;
  bool watches_ = false;
  bool changed_ = false;
};

}  // namespace lastcall::inline v0::redis::detail
