// What commands leave behind on their connection: one that is not as it was must not go to the next user of a pool.
#pragma once

#include <string_view>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::redis::detail {

/// Pure. Of one command after the other.
class session_effect {
 public:
  /// False: after it the connection answers in another way than one reply for a command.
  bool add(std::string_view name) noexcept;
  /// Those of `later` come after ours.
  void add(const session_effect& later) noexcept;

  /// Nothing is left: no transaction, no watched key, no other database or user.
  bool is_none() const noexcept { return !in_transaction_ && !watches_ && !changed_; }
  bool in_transaction() const noexcept { return in_transaction_; }

 private:
  bool in_transaction_ = false;
  bool watches_ = false;
  bool changed_ = false;
  bool ended_ = false;      // an EXEC or DISCARD was among them
  bool unwatched_ = false;  // an UNWATCH was the last of its kind
};

}  // namespace lastcall::inline v0::redis::detail
