// The five verbs by which anything is started and ended, and the account it gives afterwards. Not the graph (app.hpp),
// and not the order (shutdown_plan.hpp).
#pragma once

#include <cstddef>
#include <vector>

#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/namespace.hpp"
#include "lastcall/core/work_item.hpp"

namespace lastcall::inline v0 {

struct component_report;
class metrics;

/// "I am done": told once, from any thread, also from inside `drain`. Harmless when told late or twice.
using drained = function<void()>;

/// How long a component takes from the begin of its drain until it has stopped.
struct shutdown_times {
  duration minimum{};  ///< never less: a configuration without room for it is refused
  duration typical{};  ///< one without room for it is warned about
};

/// Whatever has a beginning and an end: a server, a pool, a consumer, a loop. Every verb is optional, each comes at
/// most once, in the order written here, and no two overlap, except that `force` may overtake `drain`. Threads: some of
/// the app's, not always the same one, and not the one that is in run(), start() or shutdown(). One that blocks holds
/// up nobody who does not need its component.
struct component {
  virtual ~component() = default;

  /// Becomes usable; all that it needs has started. The context begins to drain when the start is no longer wanted.
  /// Errors: throws to fail, having undone what it did: no other verb follows then.   Blocks: as long as it likes.
  virtual void start(context) {}

  /// Says that the end is coming; goes on serving. Left out when the app never was ready.
  virtual void announce() noexcept {}

  /// Takes no new work, finishes the accepted work, then calls `done`. All that needs it has stopped. The context
  /// already drains and carries the drain end. May return at once and finish later. Errors: throwing is reported, and
  /// it is forced at once.
  virtual void drain(context, drained done) { done(); }

  /// Time is up: cuts what is left, after which `done` must come, or it is hung. Comes while draining, or instead of
  /// `drain` when what needs it took all the time: it may still be used then, until `stop`, which is not held up by any
  /// `done` and may follow at once, in the same breath.   Blocks: must not.
  virtual void force() noexcept {}

  /// Releases threads, sockets, memory; nothing of it runs afterwards. All that needs it has stopped, or hangs.
  virtual void stop() noexcept {}

  /// What it takes to end, for the check of the budget. Asked once, before the start.
  virtual shutdown_times times() const { return {}; }

  /// Adds its ledgers and fields to the report. After `stop`, or while it is hung: then beside its own threads. Having
  /// been forced makes exit code 3, unless its ledgers show that nothing was lost by it, or it says so in `lost`.
  /// Blocks: must not.
  virtual void account(component_report&) const {}

  /// Adds what it counts to a snapshot for monitoring; its name is a label of it already. At any time from `start` on,
  /// beside every other verb and its own threads. Errors: what it throws leaves out the rest of it.   Blocks: must not.
  virtual void measure(metrics&) const {}

  /// Adds what it is at work on, the oldest first, at most `limit`. As `measure`, and while it hangs: so it asks its
  /// threads only with a bound.   Blocks: 100 ms at most.
  virtual void in_progress(std::vector<work_item>& out, std::size_t limit) const {
    static_cast<void>(out), static_cast<void>(limit);
  }
};

}  // namespace lastcall::inline v0
