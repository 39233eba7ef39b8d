// Leases of a pool for coroutines: they wait without a thread.
#pragma once

#include <source_location>
#include <utility>

#include "lastcall/core/context/context.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::inline v0::net {

namespace detail {
task<lastcall::detail::pool_core::answer> acquire(lastcall::detail::pool_core& of, context with,
                                                  std::source_location where);
}  // namespace detail

/// As the acquire of pool, for coroutines: `auto db = *co_await net::acquire(pool, ctx);`. What the pool opens it opens
/// on threads of its own, so the loop is never blocked. `of` outlives the wait.
template <class T>
task<result<lease<T>, no_lease>> acquire(pool<T>& of, context with,
                                         std::source_location where = std::source_location::current()) {
  const auto slot = co_await detail::acquire(lastcall::detail::pool_access::core_of(of), std::move(with), where);
  co_return lastcall::detail::pool_access::lease_of(of, slot);
}

}  // namespace lastcall::inline v0::net
