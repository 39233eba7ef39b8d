// What the driver of the lifecycle knows about one component: its verbs under way, and its part of the report.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/context/work_item.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/lifecycle/verb_queue.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/core/threads/countdown.hpp"

namespace lastcall::inline v0 {

/// Threads: the driver only. What other threads read is in lifecycle_state.hpp.
struct component_record {
  std::string name;
  std::shared_ptr<component> object;  ///< shares nothing if the component has another owner
  std::vector<std::size_t> needs;     ///< indices of components that start before it
  component_report report;
  bool needed_by_all = false;
  std::size_t unstarted_needs = 0;

  verb_queue verbs;
  bool account_taken = false;  ///< account() has returned, and `report` has its numbers

  std::optional<std::size_t> plan_node;  ///< its number in the shutdown plan; empty: not part of the shutdown
  std::vector<work_item> progress;       ///< the latest answer of in_progress()
  std::shared_ptr<countdown> asked;      ///< zero once all that are forced with it have said what they are at

  bool running() const noexcept { return report.start_ms && !report.stopped_ms; }
  /// In its report, as far as it has ended.
  void say_how_it_ended() noexcept {
    report.forced = report.forced_ms.has_value();
    report.drained = report.drained_ms && !report.forced;
    report.stopped = report.stopped_ms.has_value();
  }
};

}  // namespace lastcall::inline v0
