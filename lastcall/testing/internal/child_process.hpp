// A program under test: started, watched, signalled and always reaped. Not a shell, and not for daemons that leave.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/deadline.hpp"

namespace lastcall::inline v0::testing {

/// How a process ended: by `_exit(code)`, or by a signal (then `code` is -1).
struct exit_status {
  int code = -1;
  int signal = 0;

  bool operator==(const exit_status&) const = default;
};

/// "exit 0", "signal 9 (Killed)".
std::string to_text(const exit_status&);

enum class stream_to : unsigned char { capture, inherit, discard };

struct child_options {
  std::vector<std::string> environment = {};  // "NAME=value", added to ours; a later one wins
  stream_to output = stream_to::capture;      // stdout
  stream_to errors = stream_to::capture;      // stderr
  std::string errors_file = {};               // not empty: stderr goes to this file, whatever `errors` says
  std::size_t capture_limit_bytes =
      1 << 20;            // per stream; what comes beyond is read and dropped, so that the child never blocks
  bool own_group = true;  // a Ctrl-C at our terminal does not reach it
};

/// A started program. stdin is /dev/null; the signal mask is empty and SIGPIPE has its default action; it is killed
/// when the *thread* that started it ends (PR_SET_PDEATHSIG), so start it from one that lives long enough.
/// The destructor kills (its group too, when it has its own) and reaps, and takes a moment only if the child is alive.
/// Threads: any member from any thread, except that only one may be in `wait` at a time.
class child_process {
 public:
  /// `argv[0]` is looked up in PATH.   Errors: std::system_error that names the program; std::invalid_argument without
  /// one.
  explicit child_process(const std::vector<std::string>& argv, child_options = {});
  ~child_process();
  child_process(child_process&&) noexcept;
  child_process& operator=(child_process&&) noexcept;

  pid_t pid() const noexcept;

  /// Readable (poll, epoll) once the process is gone; ours to close.
  int exit_descriptor() const noexcept;

  /// The first complete line of stdout, counted from the start, that contains `text`, without its end of line.
  /// Empty when `by` passes, or as soon as stdout ends without one.
  std::optional<std::string> wait_for_line(std::string_view text, deadline by) const;
  std::optional<std::string> wait_for_error_line(std::string_view text, deadline by) const;

  /// False when the process is gone already. Never hits a stranger that got the same pid.
  bool signal(int number) const noexcept;

  /// Empty when `by` passes first. Also waits, within `by`, for the end of the captured streams, so that `output()` is
  /// complete (unless a grandchild holds them open).
  std::optional<exit_status> wait(deadline by);

  bool running() const noexcept;
  std::string output() const;
  std::string errors() const;

  /// User and system time of all threads; after `wait` the final sum.
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
