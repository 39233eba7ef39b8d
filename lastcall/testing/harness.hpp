// Rehearses a shutdown in virtual time: the real app and its real plan, with components that are slow, fail or hang as
// a test says, and signals at any moment. Knows no test framework. Not for real sockets and processes: program.hpp.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/testing/component_double.hpp"

namespace lastcall::inline v0::testing {

/// Something that happened, and when, counted from the harness's construction.
struct moment {
  duration at{};
  std::string component{};  ///< empty: the app itself
  std::string what{};       ///< "drain", "3 answered", "SIGTERM"; of a component that is no double, the state it is in

  bool operator==(const moment&) const = default;
};

/// One line each: "  9s  postgres  force".
std::string to_text(const std::vector<moment>& timeline);

/// A component of a harness, to be needed by others or to fail.
class member {
 public:
  operator component_ref() const noexcept { return ref_; }
  const std::string& name() const noexcept { return name_; }

 private:
  friend class harness;
  member(component_ref ref, std::string name) : ref_(ref), name_(std::move(name)) {}

  component_ref ref_;
  std::string name_;
};

/// The app runs on a thread of the harness, and never beside the test's: either one goes on. Time moves only while the
/// test waits, from one event to the next. The process is never left and no signal is caught or sent; several harnesses
/// in one process know nothing of each other.
///
/// *Components of your own* may take part. They run in real time, so theirs is stopped while one of them drains or is
/// forced, for at most `patience`; what they do in their own threads with real timers is not rehearsed. A verb of
/// theirs that blocks for 60 s of real time makes the waiting call throw.
///
/// What verbs take: `start` and `stop` of a double that take time, or hang, hold up those that the app has them hold
/// up.
///
/// Threads: the one that made it.   Errors: what the app throws comes out of the call that made it start;
/// std::logic_error for what makes no sense, such as adding after the start.
class harness {
 public:
  /// `options.time` is the harness's own and must be null. `environment` and `signals` are as in an app, but nothing is
  /// read from the environment. Without a sink nothing is logged. No report file is written.
  explicit harness(app_options options = {}, duration patience = std::chrono::seconds(1));
  /// Ends the app, at once and in virtual time, if it runs.
  ~harness();
  harness(const harness&) = delete;
  harness& operator=(const harness&) = delete;

  /// A double.
  member add(std::string name, component_behaviour does = {}, needs stands_on = {});
  /// One of your own; or add it to `app()`, in any way that an app knows.
  template <std::derived_from<component> C> member add(std::string name, std::unique_ptr<C> it, needs stands_on = {}) {
    return adopt(std::move(name), std::move(it), std::move(stands_on));
  }

  /// Does `f` at that moment, counted from the construction. It may do all that does not wait, such as `raise`.
  void at(duration since_construction, function<void()> f);

  /// Returns when all have started, or when it is over because one did not.
  void start();
  /// As if the signal had come now, by the rule of the second and third one. Starts the app first, if that has not
  /// begun. Then does what is to be done at this moment.   Errors: std::invalid_argument if the app does not catch it.
  void raise(int signal);
  /// As if the component had failed now: it ends the app.
  void fail(const member& who, std::string why = "failed");
  /// Lets so much time pass. Starts the app first, if that has not begun; then the time counts from there.
  void advance(duration by);
  /// Returns when it is over. The reference stays good as long as the harness.
  /// Errors: std::logic_error when nothing ends it, or it would take more than 24 h after what was planned.
  const report& run_to_end();

  bool started() const noexcept;  ///< all of it, and nobody has asked for the end yet: app::ready()
  bool ended() const noexcept;
  /// Since the construction.
  duration now() const noexcept;
  /// For the clock of your own components.
  const clock& time() const noexcept;
  lastcall::app& app() noexcept;

  /// What happened up to now.
  std::vector<moment> timeline() const;

 private:
  struct state;
  member adopt(std::string name, std::unique_ptr<component> it, needs stands_on);

  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
