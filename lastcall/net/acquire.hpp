// Leases of a pool for coroutines: they wait without a thread.
#pragma once

#include <memory>
#include <source_location>
#include <utility>

#include "lastcall/core/context/context.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/work/pool.hpp"

namespace lastcall::inline v0::net {

namespace detail {
task<lastcall::detail::pool_core::answer> acquire(std::shared_ptr<lastcall::detail::pool_core> of, context with,
                                                  std::source_location where);
}  // namespace detail

/// As the acquire of pool, for coroutines: `auto db = *co_await net::acquire(pool, ctx);`. What the pool opens it opens
/// on threads of its own, so the loop is never blocked. A pool that ends meanwhile refuses, as one that drains.
/// Threads: any executor, also one with several threads.
template <class T>
task<result<lease<T>, no_lease>> acquire(pool<T>& of, context with,
                                         std::source_location where = std::source_location::current()) {
  const auto core = lastcall::detail::pool_access::core_of(of);  // the pool may end while this waits
  const auto slot = co_await detail::acquire(core, std::move(with), where);
  co_return lastcall::detail::pool_access::lease_of(core, slot);
}

}  // namespace lastcall::inline v0::net
