// Catches signals and passes them to a callback on an ordinary thread, without losing one. What they mean is decided in
// signal_policy.hpp.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/function.hpp"

namespace lastcall::inline v0 {

/// One signal, with what the kernel says about it.
struct signal_record {
  int number = 0;
  int code = 0;   // si_code
  pid_t pid = 0;  // the sender's; 0 when it is outside of our pid namespace
  uid_t uid = 0;
  time_point at{};    // when the handler ran
  char sender[16]{};  // the sender's name (comm), unless it was gone already
};

/// Catches signals while it lives. The handler (SA_RESTART, SA_SIGINFO) writes a record of fixed size to a non-blocking
/// pipe, and the thread "lastcall-signal" reads it. That thread unblocks these signals for itself and changes no other
/// thread's mask, so earlier threads and an inherited mask do no harm. A full pipe (thousands of
/// records) drops signals. If SIGHUP was ignored (nohup), it stays ignored. In a forked child each caught signal
/// restores its earlier handling when it arrives. Errors: std::invalid_argument, with reason and remedy, for a signal
/// that can't be caught (SIGKILL, SIGSTOP) or that another object of this process catches; std::system_error when no
/// descriptor or thread is left. Threads: any; construct and destroy it on one thread.
class signals {
 public:
  /// `on_signal` runs on the signal thread, for one record at a time. It must not throw, and should take no lock, since
  /// `wake_at` can't run meanwhile. Between the signal and the call nothing locks or allocates. Without numbers only
  /// `wake_at` is useful.
  signals(const std::vector<int>& numbers, function<void(const signal_record&)> on_signal);
  /// Restores the earlier handlers, except where ours was replaced meanwhile. No callback runs afterwards.
  /// Blocks: while a callback runs. Must not be called from a callback.
  ~signals();
  signals& operator=(signals&&) = delete;

  /// Calls `f` once on the signal thread, at `when`, or at once if that has passed. Only the last call counts, and each
  /// `f` is kept until this is destroyed. It can leave the process while every other thread hangs: nothing locks or
  /// allocates before `f` is called. If the process did not run when it was due, it waits 100 ms more, once. `f` must
  /// not throw.
  void wake_at(time_point when, function<void()> f);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// "pid 123 (kubelet)", "this process", "outside this container", "terminal", "kernel".
std::string describe_sender(const signal_record& record);

}  // namespace lastcall::inline v0
