// A program of its own as a component: a worker in another language, a tunnel, a renderer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lastcall/work/run_child.hpp"
#include "lastcall/work/run_component.hpp"

namespace lastcall::inline v0 {

namespace detail {
struct child_record;
}  // namespace detail

struct child_options {
  child_program program;
  /// Starts it again when it ends untold. False: it may end with 0, and has failed otherwise, which ends the app in
  /// order.
  bool restarts = false;
  /// How long it waits before it starts it again. Doubles with each end, to `longest_pause`, less up to half at random;
  /// begins anew after a run of `longest_pause`.
  duration first_pause = std::chrono::milliseconds(100);
  duration longest_pause = std::chrono::seconds(30);
  /// The name in logs, errors and metrics. Empty: its name in the app, or "child".
  std::string name = {};
};

/// Start: the program has been started; a program that is not there fails the start. Drain: it is told by its signal,
/// and awaited. Force: it is killed with its process group. For one program for each request or item see run_child. The
/// report has `starts`, `status` (how the last one ended), and, if so, `killed` and `lines_dropped`; work was lost if
/// it was killed.
class child final : public run_component {
 public:
  using options = child_options;

  /// Errors: std::invalid_argument that names the option, its value and what is allowed.
  child(options with, app& owner);
  explicit child(options with, logger log = {});

  /// How the last one that ended has ended.   Threads: any.
  std::optional<exit_status> status() const;
  /// False: none runs now.   Threads: any.
  bool signal(int number) const;

 private:
  child(options&& with, logger log, app* owner);

  std::shared_ptr<detail::child_record> record_;
};

}  // namespace lastcall::inline v0
