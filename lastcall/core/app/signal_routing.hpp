// Which signals an app catches, and what each of them requests: the end, a force, an exit, a reload, a dump of the
// state.
#pragma once

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/app/app_options.hpp"
#include "lastcall/core/clock.hpp"
#include "lastcall/core/lifecycle/shutdown_requests.hpp"
#include "lastcall/core/signals/signal_policy.hpp"
#include "lastcall/core/signals/signals.hpp"

namespace lastcall::inline v0 {

/// Who drives an app. Set once, when the start begins.
enum class app_driver : unsigned char {
  none,     ///< it is still built: components are added
  run,      ///< app::run(), which owns the process
  program,  ///< a program with a loop of its own, by start() and shutdown()
};

/// What SIGHUP is to an app with these options.   Errors: std::invalid_argument when they contradict each other.
hangup hangup_of(const app_options& options);

/// Threads: one, besides its own signal thread, on which requests are made. Stands after all that its users share with
/// that thread, so that it is destroyed first.
class signal_routing {
 public:
  /// Errors: as of signals and hangup_of.
  signal_routing(const app_options& options, std::shared_ptr<shutdown_requests> requests, const clock& time,
                 const std::atomic<app_driver>& driver);

  ~signal_routing();
  signal_routing(const signal_routing&) = delete;
  signal_routing& operator=(const signal_routing&) = delete;

  /// The signals whose handler is not ours any more: "SIGTERM, SIGINT".
  std::string taken_over() const;
  /// What the report says when a second signal has forced the end; empty: none has.
  std::string forced_by() const;
  /// The signals that ended the app may come again until the process is gone. They must not turn a clean exit into a
  /// kill, so they are ignored from here on. Signals that another handler has taken over are left alone.
  void ignore_signals_until_exit() noexcept;

  /// Its thread can leave the process while every other thread hangs.
  signals& thread() noexcept { return signals_; }

 private:
  struct installed_handler {
    int number;
    void (*function)(int, siginfo_t*, void*);
  };

  static std::vector<int> numbers(const app_options& options, bool quit_dumps);
  static bool is_ours(const installed_handler& h) noexcept;
  void on_signal(const signal_record& record) noexcept;

  const std::shared_ptr<shutdown_requests> requests_;
  const clock& time_;
  const std::atomic<app_driver>& driver_;
  const hangup hup_;
  const bool quit_dumps_;
  const std::vector<int> numbers_;
  const bool pipe_ignored_;
  bool until_exit_ = false;
  std::vector<installed_handler> installed_;
  signal_policy policy_;    // the signal thread's
  signal_record second_{};  // written once by the signal thread, before the flag
  std::atomic<bool> has_second_{false};
  signals signals_;  // last: its thread uses the rest
};

}  // namespace lastcall::inline v0
