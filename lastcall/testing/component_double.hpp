// A component that behaves as a test says, in virtual time: it is slow, fails, hangs, ignores force, or has requests in
// flight. It has neither threads nor sockets. harness.hpp makes it.
#pragma once

#include <cstddef>
#include <string>

#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/lifecycle/verb.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/testing/virtual_threads.hpp"

namespace lastcall::inline v0::testing {

/// All durations are virtual time. By default every verb succeeds and takes no time.
struct component_behaviour {
  duration start_takes{};      ///< shorter, and successful, if the shutdown begins meanwhile
  std::string start_fails{};   ///< not empty: `start` throws it after `start_takes`
  duration drain_takes{};      ///< from `drain` to `drained`, unless it is forced
  duration stop_takes{};       ///< inside `stop`
  std::size_t in_flight = 0;   ///< requests that are in progress when the drain begins, all at the same time
  duration each_takes{};       ///< how long they take from then on; `drained` waits for them
  duration force_takes{};      ///< from `force` to `drained`; requests in flight are cut at once
  bool ignores_force = false;  ///< `force` changes nothing
  /// The verb that never returns: start, announce, drain, force or stop. In drain it ignores `force`, too.
  verb hangs_in = verb::none;
};

/// Counts its requests in its ledger: begun, then answered or forced.
/// Threads: those of virtual_threads, one at a time.
class component_double final : public component {
 public:
  /// What it needs of the harness. It must outlive the last verb of the double.
  struct stage {
    virtual ~stage() = default;
    virtual time_point now() const noexcept = 0;
    virtual void plan(time_point when, function<void()> f) = 0;
    /// Inside a verb: returns at `when`, or earlier if `gives_up` and the shutdown begins.
    virtual void sleep(const std::string& who, verb in, time_point when, bool gives_up) noexcept = 0;
    /// Inside a verb: returns only when the test is over.
    virtual void hang(const std::string& who, verb in) noexcept = 0;
    virtual void note(const std::string& who, const std::string& what) noexcept = 0;
  };

  /// Errors: std::invalid_argument for a negative duration, and for a verb that cannot hang.
  component_double(std::string name, component_behaviour does, stage& on);

  void start(context) override;
  void announce() noexcept override;
  void drain(context, drained done) override;
  void force() noexcept override;
  void stop() noexcept override;
  void account(component_report&) const override;

 private:
  void enter(verb in, const char* text) noexcept;
  void has_drained() noexcept;

  const std::string name_;
  const component_behaviour does_;
  stage& on_;
  drained done_;
  std::size_t answered_ = 0, cut_ = 0;
  bool over_ = false;  // `drained` was called
};

}  // namespace lastcall::inline v0::testing
