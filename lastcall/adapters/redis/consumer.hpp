// Works on the entries of a stream as one consumer of a group: reads, calls the program, acknowledges what is done.
// What the server keeps is processed at least once, and may be processed twice: what a stream with a group can promise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "lastcall/adapters/redis/entry.hpp"
#include "lastcall/core/app/app.hpp"
#include "lastcall/work/run_component.hpp"

namespace lastcall::inline v0::redis {

struct consumer_options {
  /// As connection_options. `connect_within` bounds each answer, too.
  std::string url = "redis://127.0.0.1:6379";
  std::string user = {};
  std::string password = {};
  duration connect_within = std::chrono::seconds(5);
  /// The key of the stream. The stream and the group are made if there are none.
  std::string stream = {};
  std::string group = {};
  /// Its name in the group, which no other process may have at the same time. Empty: host and process id.
  std::string consumer = {};
  /// Works on one entry. When it returns, the entry is done, and is acknowledged. When it throws, the entry has failed:
  /// it is tried again after `claim_after`, by any consumer of the group. One that gives up because its context was
  /// forced must throw.   Threads: a worker's, several at once.   Blocks: may; it should look at the context.
  function<void(const entry&, const context&)> process;
  /// Threads that process. So many entries are read at most as can begin at once.
  std::size_t workers = 4;
  /// The most entries that it holds: in work, or done and not yet acknowledged.
  std::size_t most = 64;
  /// What no consumer has acknowledged for so long is claimed: its consumer has died, or its processing has failed.
  /// What a consumer holds it keeps from being claimed, however long it takes.
  duration claim_after = std::chrono::seconds(30);
  /// An entry that was tried so often is moved to the dead letters. 0: it is tried for ever. It was tried when a worker
  /// has begun with it.
  std::uint64_t most_tries = 5;
  /// The stream of the dead letters. Each has its fields, then dead.stream, dead.id, dead.tries and dead.error.
  /// Empty: the stream's key and ".dead".
  std::string dead_letters = {};
  /// A group that is made begins with what is in the stream. False: with what comes from then on.
  bool from_beginning = true;
  /// After force: how long the acknowledging of what is done may take; a quarter of the app's reserve at most.
  duration acknowledge_within = std::chrono::milliseconds(500);
  /// The name in logs, errors and metrics. Empty: its name in the app, or "consumer".
  std::string name = {};
};

/// Needs Redis 6.2 or later. It starts whether or not the server is there, and connects again after an outage.
/// Drain: reads no more, finishes what it has read, acknowledges it. Force: the contexts of what is in work are forced;
/// what is not done is not acknowledged, and is given back: other consumers may claim it at once. Lost at worst:
/// nothing that the server keeps; what was done and could not be acknowledged is processed again. The report has
/// `done`, `acknowledged`, and, if any, `failed`, `dead`, `claimed`, and `unacknowledged`, with the first ten of them
/// as `unacknowledged_ids`; also those that were on their way when the connection broke. `unanswered` is 1 if the
/// server could not be asked which these are. When it was forced, work counts as lost if there are any. A user needs
/// XGROUP (unless the group is there), XREADGROUP, XACK, XPENDING, XCLAIM, EVAL, XADD for dead letters, and CLIENT,
/// without which a drain waits for a read of up to a second.
class consumer final : public run_component {
 public:
  using options = consumer_options;

  /// Errors: std::invalid_argument that names the option, its value and the remedy.
  consumer(options with, app& owner);
  explicit consumer(options with, logger log = {});

 private:
  consumer(options with, logger log, app* owner);
};

}  // namespace lastcall::inline v0::redis
