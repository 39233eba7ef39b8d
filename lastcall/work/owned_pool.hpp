// A pool within an adapter's own, which has an app or has none.
#pragma once

#include <memory>
#include <utility>

#include "lastcall/work/pool.hpp"

namespace lastcall::inline v0::detail {

/// `owner` null: the pool stands alone, and logs to `log`.   Errors: as pool's constructor.
template <class T> std::unique_ptr<pool<T>> owned_pool(pool_options<T> with, app* owner, logger log) {
  if (owner != nullptr) return std::make_unique<pool<T>>(std::move(with), *owner);
  return std::make_unique<pool<T>>(std::move(with), std::move(log));
}

}  // namespace lastcall::inline v0::detail
