// Runs a real program, of any language: starts it, loads it, signals it at a chosen moment, waits for its end, and
// reads its report. In real time; to test components in virtual time see harness.hpp.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/core/report/report.hpp"
#include "lastcall/testing/exact_client.hpp"
#include "lastcall/testing/internal/child_process.hpp"

namespace lastcall::inline v0::testing {

struct program_options {
  std::vector<std::string> environment{};  // "NAME=value", added to ours
  /// It is ready when a line of its stdout contains this. Empty: see `ready_at`.
  std::string ready_line{};
  /// It is ready when this address accepts a connection: "http://127.0.0.1:8080". Empty as well: it is not known, and
  /// `wait_until_ready` returns at once.
  std::string ready_at{};
  /// The longest time until it is ready.
  duration patience = std::chrono::seconds(30);
  stream_to output = stream_to::capture;
  stream_to errors = stream_to::capture;
};

/// The load, and when and how the program is signalled.
struct load_and_stop {
  std::vector<std::string> loads{
      "busy:8"};     // as for `lastcall probe --load`; "inflight:20" are 20 requests in flight at the signal
  std::string to{};  // an address; empty: the program's `url()`
  int signal = SIGTERM;
  unsigned signals = 1;
  duration spacing = std::chrono::milliseconds(10);  // between them
  duration after = std::chrono::milliseconds(500);   // from the begin of the load to the signal
  duration timeout = std::chrono::seconds(30);       // from the signal to the end of program and clients
  std::uint64_t seed = 1;                            // of random pauses
  std::function<void()> at_signal{};                 // called right before each signal
};

/// How the program ended.
struct program_end {
  std::optional<exit_status> exit{};  ///< empty: it did not exit in time, and was killed
  duration took{};                    ///< from the first signal (without one: from the call of `end`) to its exit
  std::optional<lastcall::report> report{};  ///< empty: there is none, or it cannot be read
  std::string report_text{};                 ///< the file as it is
  std::string output{}, errors{};
  std::optional<probe_result> clients{};  ///< of `stop_under_load`

  /// Requests of all loads together; 0 without a load.
  std::uint64_t answered() const, lost() const, late() const, refused_before_signal() const,
      refused_after_signal() const;
  /// Exit code 0; no request lost, late, or refused before the signal; and the measurement was possible.
  bool nothing_lost() const;
};

/// For people, and for messages of assertions.
std::string to_text(const program_end&);

/// The constructor starts it. LASTCALL_REPORT names a file in a temporary folder. The destructor kills it, if it still
/// runs, and reaps it. It has no terminal. Threads: the one that constructs it, which must live as long
/// (child_process.hpp).   Blocks: every wait is bounded.
class program {
 public:
  /// `command[0]` is searched in PATH.   Errors: std::system_error when it cannot be started.
  explicit program(const std::vector<std::string>& command, program_options options = {});
  ~program();
  program& operator=(program&&) = delete;

  /// Returns the line that has `ready_line`.   Errors: std::runtime_error with its stderr, when it ends before, or
  /// takes longer than `patience`.
  std::string wait_until_ready();
  /// The first http:// or unix: address in that line, or `ready_at`.
  std::string url();

  /// Waits until the program has a handler for the signal, so that the signal does not simply kill it. False: it has
  /// none by then. Source: proc(5), SigCgt.
  bool wait_until_it_catches(int signal, deadline by) const;
  bool catches(int signal) const;
  /// Returns after this time, or when the program ends. Exact to some 100 µs; it polls near the end.
  void let_run_for(duration time) const;

  /// False: the program has ended.
  bool signal(int number);

  /// Signals it now, and waits for its end. Kills it at `by`.
  program_end stop(int number = SIGTERM, deadline by = deadline(std::chrono::seconds(30)));
  /// Waits for its end without a signal. Kills it at `by`.
  program_end end(deadline by = deadline(std::chrono::seconds(30)));
  /// Waits until it is ready, loads it, signals it during the load, and waits until it and all clients have ended.
  program_end stop_under_load(load_and_stop how = {});

  child_process& process() noexcept;
  /// The path of LASTCALL_REPORT.
  const std::string& report_file() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
