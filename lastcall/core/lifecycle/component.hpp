// The interface of a component: five verbs that start and end it, and what it reports. The graph of components is in
// app.hpp, the order of the verbs in shutdown_plan.hpp.
#pragma once

#include <cstddef>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0 {

struct component_report;
class metrics;

/// A component calls it when it has drained: from any thread, also inside `drain`. A late or second call has no effect.
using drained = function<void()>;

/// The time from the beginning of a component's drain until it has stopped.
struct shutdown_times {
  duration minimum{};  ///< it never takes less: a grace period that is too short for it is an error
  duration typical{};  ///< a grace period that is too short for it is a warning
};

/// Something with a beginning and an end: a server, a pool, a consumer, a loop. Every verb is optional. Each is called
/// at most once, in the order below. No two overlap, except that `force` may be called while `drain` runs. Threads:
/// threads of the app, not always the same one, and not the one in run(), start() or shutdown(). A verb that blocks
/// delays only the components that its component needs.
struct component {
  virtual ~component() = default;

  /// Makes it usable. All that it needs has started. The context begins to drain when a shutdown is requested
  /// meanwhile. Errors: an exception means that the start failed, and no other verb follows, so undo first what was
  /// done. Blocks: may, without a limit.
  virtual void start(context) {}

  virtual void announce() noexcept {}  ///< tells others of the coming end; still serves. Only if the app was ready

  /// Takes no new work, finishes the accepted work, then calls `done`. All that needs it has stopped. The context
  /// drains already. `drain` may return at once, and call `done` later. Errors: after an exception `force` follows.
  virtual void drain(context, drained done) { done(); }

  /// Cuts what is left, so that `done` is called soon; otherwise the component is hung. Called while it drains, or
  /// instead of `drain` when the components that need it took all the time. In the second case it may still be used
  /// until `stop`, and `stop` does not wait for `done`.   Blocks: must not.
  virtual void force() noexcept {}

  virtual void stop() noexcept {}  ///< releases threads, sockets, memory. All that needs it has stopped, or hangs

  virtual shutdown_times times() const { return {}; }  ///< for the check of the grace period, before the start

  /// Adds its ledgers and fields to the report, after `stop` or while it hangs. A forced component makes exit code 3,
  /// unless its ledgers or its `lost` show that nothing was lost.   Blocks: must not.
  virtual void account(component_report&) const {}

  /// Adds its numbers to a snapshot for monitoring; each has its name as a label already. Called at any time after the
  /// start, beside every other verb and its own threads. Errors: after an exception the rest of its numbers is missing.
  /// Blocks: must not.
  virtual void measure(metrics&) const {}

  /// Adds its work in progress, the oldest first, at most `limit` items. Called as `measure` is, also while it hangs,
  /// so a question to its own threads needs a time limit. A force waits for the answer, so that the report names what
  /// was cut, for a quarter of the time that is left at most.   Blocks: 100 ms at most.
  virtual void in_progress(std::vector<work_item>& /*out*/, std::size_t /*limit*/) const {}
};

}  // namespace lastcall::inline v0
