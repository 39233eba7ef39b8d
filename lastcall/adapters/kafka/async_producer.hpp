// Sending for coroutines: they wait without a thread.
#pragma once

#include <cstddef>

#include "lastcall/adapters/kafka/producer.hpp"
#include "lastcall/core/context/context.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::kafka {

/// As the push of producer, for coroutines. A record that is not taken is destroyed. The producer outlives the wait.
/// Threads: an executor that runs one handler at a time: a loop of the library, a strand.
task<result<std::size_t, not_sent>> push(producer& to, context with, record it);
/// As the send of producer: `*co_await kafka::send(*orders, ctx, {.topic = "orders"});`. The same holds as for push.
task<result<delivered, not_sent>> send(producer& to, context with, record it);

}  // namespace lastcall::inline v0::kafka
