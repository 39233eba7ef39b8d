// Calls a function again and again: heartbeats, refreshes, clean-up. Not a scheduler: one function, one period.
#pragma once

#include <string>

#include "lastcall/work/run_component.hpp"

namespace lastcall::inline v0 {

struct periodic_options {
  /// One tick. When it throws, that is counted and a line of the log, one each second, and the next one comes all the
  /// same.   Threads: the periodic's own.   Blocks: may; it should look at the context, which drains with the periodic
  /// and is then forced.
  function<void(const context&)> tick;
  /// From the beginning of a tick to the beginning of the next. The first is at the start.
  duration every = std::chrono::seconds(1);
  /// Each tick begins later by a random part of it, so that many processes do not beat together. At most `every`.
  duration jitter = {};
  /// One more tick when it drains: to say goodbye.
  bool at_the_end = false;
  /// The name in logs, errors and metrics. Empty: its name in the app, or "periodic".
  std::string name = {};
};

/// A tick never overlaps another: one that takes longer than its period makes the next begin at the next whole period
/// after it, and those between are skipped and counted. Drain: it ends between two ticks; one that is under way is
/// waited for. Force: the tick's context is forced. One that does not return then is named. The report has `ticks`,
/// and, if any, `skipped` and `failed`; a tick that was forced counts as work that was lost.
class periodic final : public run_component {
 public:
  using options = periodic_options;

  /// Errors: std::invalid_argument that names the option, its value and what is allowed.
  periodic(options with, app& owner);
  explicit periodic(options with, logger log = {});

 private:
  periodic(options&& with, logger log, app* owner);
};

}  // namespace lastcall::inline v0
