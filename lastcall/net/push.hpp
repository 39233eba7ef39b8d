// Room in a queue for coroutines: they wait without a thread.
#pragma once

#include <memory>
#include <utility>

#include "lastcall/core/context/context.hpp"
#include "lastcall/net/task.hpp"
#include "lastcall/work/work_queue.hpp"

namespace lastcall::inline v0::net {

namespace detail {
task<result<std::size_t, not_queued>> push(std::shared_ptr<lastcall::detail::work_queue_core> to, context with,
                                           std::unique_ptr<lastcall::detail::queue_item> it);
}  // namespace detail

/// As the push of work_queue, for coroutines: `*co_await net::push(queue, ctx, std::move(order));`. An item that the
/// queue does not take is destroyed. A queue that ends meanwhile refuses, as one that drains.
/// Threads: any executor, also one with several threads.
template <class T> task<result<std::size_t, not_queued>> push(work_queue<T>& to, context with, T item) {
  return detail::push(lastcall::detail::queue_access::core_of(to), std::move(with),
                      lastcall::detail::queue_access::item_of(to, std::move(item)));
}

}  // namespace lastcall::inline v0::net
