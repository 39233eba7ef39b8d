// A program under test: starts it, watches it, signals it, and always reaps it. No shell; not for programs that fork to
// become daemons.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/deadline.hpp"
#include "lastcall/core/process/exit_status.hpp"

namespace lastcall::inline v0::testing {

using lastcall::exit_status;
using lastcall::to_text;

enum class stream_to : unsigned char { capture, inherit, discard };

struct child_options {
  std::vector<std::string> environment = {};  // "NAME=value", added to ours; a later one wins
  stream_to output = stream_to::capture;      // stdout
  stream_to errors = stream_to::capture;      // stderr
  std::string errors_file = {};               // not empty: stderr goes to this file, whatever `errors` says
  std::size_t capture_limit_bytes =
      1 << 20;            // for each stream; further output is read and dropped, so that the child never blocks
  bool own_group = true;  // a Ctrl-C at our terminal does not reach it
};

/// stdin is /dev/null, the signal mask is empty, and SIGPIPE has its default action. The kernel kills the child when
/// the *thread* that started it ends (PR_SET_PDEATHSIG), so that thread must live long enough. The destructor kills it
/// (and its group, if it has its own) and reaps it. Threads: any, but only one may be in `wait` at a time.
class child_process {
 public:
  /// `argv[0]` is searched in PATH.   Errors: std::system_error that names the program; std::invalid_argument for an
  /// empty argv.
  explicit child_process(const std::vector<std::string>& argv, child_options = {});
  ~child_process();
  child_process(child_process&&) noexcept;
  child_process& operator=(child_process&&) noexcept;

  pid_t pid() const noexcept;

  /// Readable (poll, epoll) when the process has gone. The child_process closes it.
  int exit_descriptor() const noexcept;

  /// The first complete line of stdout since the start that contains `text`, without its end of line. Empty: `by` has
  /// passed, or stdout has ended.
  std::optional<std::string> wait_for_line(std::string_view text, deadline by) const;
  std::optional<std::string> wait_for_error_line(std::string_view text, deadline by) const;

  /// False: the process has gone. Never signals another process that has got the same pid.
  bool signal(int number) const noexcept;

  /// Waits for the exit and for the end of the captured streams, so that `output()` is complete (unless a grandchild
  /// keeps them open). Empty: `by` has passed before the exit.
  std::optional<exit_status> wait(deadline by);
  /// When `wait` saw that the process had gone; time_point::max() before. `wait` itself returns later: to take a
  /// process out of its tables costs the kernel up to seconds while others look at /proc on a busy machine.
  time_point gone_at() const;

  bool running() const noexcept;
  std::string output() const;
  std::string errors() const;

  /// User and system time of all threads; after `wait` the final value.
  duration cpu_time() const;
  /// Open descriptors; 0 once it is gone.
  std::size_t descriptors() const;
  /// Resident memory; 0 once it is gone.
  std::size_t resident_bytes() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
