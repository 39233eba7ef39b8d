// What a listener has in common with other processes that serve the same address.
#pragma once

#include <memory>
#include <utility>

#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/listen/overlap.hpp"

namespace lastcall::inline v0::net::detail {

struct shared_listener {
  static void share(listener& one, std::shared_ptr<overlap> with) noexcept { one.shared_ = std::move(with); }
  /// Null: no other process serves it.
  static overlap* overlap_of(const listener& one) noexcept { return one.shared_.get(); }
};

}  // namespace lastcall::inline v0::net::detail
