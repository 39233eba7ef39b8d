// Catches signals and hands them over on an ordinary thread, without losing one. Decides nothing: see
// signal_policy.hpp.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/signals/signal_name.hpp"

namespace lastcall::inline v0 {

/// One signal, as the kernel told it.
struct signal_record {
  int number = 0;
  int code = 0;   // si_code
  pid_t pid = 0;  // the sender's; 0 when it is outside of our pid namespace
  uid_t uid = 0;
  time_point at{};    // when the handler ran
  char sender[16]{};  // the sender's name (comm), unless it was gone already
};

/// Catches some signals for as long as it lives. The handler (SA_RESTART, SA_SIGINFO) writes one fixed record to a
/// non-blocking pipe; the thread "lastcall-signal" reads it. No thread's mask is touched but that one's, which takes
/// these signals, so neither threads that were there before nor an inherited mask are a trap.
/// When the pipe is full (thousands unread) further signals are dropped: the request is known by then.
/// SIGHUP stays ignored if it was (nohup). A child that forks without exec gets the handling from before back for each
/// signal that reaches it, and can't write into its parent's pipe.
/// Errors: std::invalid_argument, with reason and remedy, for what can't be caught (SIGKILL, SIGSTOP) and for a signal
/// that another object of this process catches; std::system_error when descriptors or threads run out.
/// Threads: every member from any, but construction and destruction belong to one.
class signals {
 public:
  /// `on_signal` runs on the signal thread, one record at a time; it must not throw. While it runs no wake-up comes, so
  /// it should take no lock. Nothing here allocates or locks before it is called. No numbers: only `wake_at` works.
  signals(const std::vector<int>& numbers, function<void(const signal_record&)> on_signal);
  /// Restores the handlers from before, except where somebody has replaced ours since. No callback runs afterwards.
  /// Blocks: while a callback runs. Must not be called from one.
  ~signals();
  signals(const signals&) = delete;
  signals& operator=(const signals&) = delete;

  /// Has the signal thread call `f` once at `when`, or at once if that has passed. There is one such wake-up: the last
  /// call counts. Meant for leaving the process although every other thread hangs: from here to `f` nothing locks or
  /// allocates. `f` must not throw.
  void wake_at(time_point when, function<void()> f);
  /// A wake-up that has not begun does not begin. One that has is not waited for.
  void cancel_wake();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// "pid 123 (kubelet)", "this process", "outside this container", "terminal", "kernel".
std::string describe_sender(const signal_record& record);

}  // namespace lastcall::inline v0
