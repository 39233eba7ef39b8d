// Tests a shutdown in virtual time: the real app and its real plan, with components that are slow, fail or hang as the
// test says, and signals at any moment. Needs no test framework. For real sockets and processes see program.hpp.
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

/// Something that happened, and when: the time since the construction of the harness.
struct moment {
  duration at{};
  std::string component{};  ///< empty: the app itself
  std::string what{};       ///< "drain", "3 answered", "SIGTERM"; the new state of a component that is not a double

  bool operator==(const moment&) const = default;
};

/// One line each: "  9s  postgres  force".
std::string to_text(const std::vector<moment>& timeline);

/// A component of a harness: pass it as a need of another one, or to `fail`.
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

/// The app has a thread of its own, but only one of the two runs at a time, the app's or the test's. Time moves only
/// while the test waits, from one event to the next. The harness does not exit the process, and neither catches nor
/// sends signals. There may be several in one process.
///
/// *Your own components* may take part. They run in real time. So virtual time stands still while one of them drains or
/// is forced, but at most for `patience` of real time. Real timers in their threads are not moved. If one of their
/// verbs blocks for 60 s of real time, the waiting call throws.
///
/// Threads: the one that constructs it.   Errors: an exception of the app comes out of the call that starts it;
/// std::logic_error for a wrong order of calls, such as `add` after the start.
class harness {
 public:
  /// `options.time` must be null: it is the harness's. The environment of the process is not read. Without a sink
  /// nothing is logged. No report file is written.
  explicit harness(app_options options = {}, duration patience = std::chrono::seconds(1));
  /// If the app still runs, ends it in virtual time.
  ~harness();
  harness& operator=(harness&&) = delete;

  /// Adds a double.
  member add(std::string name, component_behaviour does = {}, needs stands_on = {});
  /// Adds your own component. Any function of `app()` that adds one works, too.
  template <std::derived_from<component> C> member add(std::string name, std::unique_ptr<C> it, needs stands_on = {}) {
    return adopt(std::move(name), std::move(it), std::move(stands_on));
  }

  /// Calls `f` at that time after the construction. It must not wait; `raise` is fine.
  void at(duration since_construction, function<void()> f);

  /// Returns when all components have started, or when the app has ended because one has not.
  void start();
  /// As if the signal had come now; a second and a third one have their usual meaning. Starts the app first if `start`
  /// was not called. Returns when all that happens at this moment is done.
  /// Errors: std::invalid_argument if the app does not catch the signal.
  void raise(int signal);
  /// As if the component had failed now: that ends the app.
  void fail(const member& who, std::string cause = "failed");
  /// Lets this much virtual time pass. Starts the app first if `start` was not called; the time counts after that.
  void advance(duration by);
  /// Returns when the app has ended. The reference is valid as long as the harness.
  /// Errors: std::logic_error when nothing ends the app, or it takes more than 24 h after the last planned event.
  const report& run_to_end();

  bool started() const noexcept;  ///< all components have, and the shutdown has not begun: app::ready()
  bool ended() const noexcept;
  /// The virtual time since the construction.
  duration now() const noexcept;
  /// The virtual clock, for your own components.
  const clock& time() const noexcept;
  lastcall::app& app() noexcept;

  /// All that has happened.
  std::vector<moment> timeline() const;

 private:
  struct state;
  member adopt(std::string name, std::unique_ptr<component> it, needs stands_on);

  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
