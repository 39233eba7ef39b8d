// A real program told to stop at a chosen moment: started, loaded, signalled, waited for, and everything that it left
// read. In real time and of any language; for one's own components in virtual time see harness.hpp.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/core/report/report.hpp"
#include "lastcall/testing/exact_client.hpp"
#include "lastcall/testing/internal/child_process.hpp"

namespace lastcall::inline v0::testing {

struct program_options {
  std::vector<std::string> environment{};  // "NAME=value", added to ours
  /// It serves once a line of its stdout contains this. Empty: see `ready_at`.
  std::string ready_line{};
  /// It serves once a connection to this address stands: "http://127.0.0.1:8080". Empty with an empty `ready_line`: it
  /// is not known, and `wait_until_ready` returns at once.
  std::string ready_at{};
  /// For it to serve.
  duration patience = std::chrono::seconds(30);
  stream_to output = stream_to::capture;
  stream_to errors = stream_to::capture;
};

/// What a load saw, and how the program is told in the middle of it.
struct load_and_stop {
  std::vector<std::string> loads{
      "busy:8"};     // as `lastcall probe --load` takes them; "inflight:20" are 20 in flight then
  std::string to{};  // an address; empty: the program's `url()`
  int signal = SIGTERM;
  unsigned signals = 1;
  duration spacing = std::chrono::milliseconds(10);  // between them
  duration after = std::chrono::milliseconds(500);   // from the begin of the load to the signal
  duration timeout = std::chrono::seconds(30);       // from the signal to the end of everything
  std::uint64_t seed = 1;                            // of random pauses
  std::function<void()> at_signal{};                 // right before each
};

/// How it ended.
struct program_end {
  std::optional<exit_status> exit{};         ///< empty: it was not gone in time, and has been killed
  duration took{};                           ///< from the first signal, or else from the call that waited, to its end
  std::optional<lastcall::report> report{};  ///< empty: it left none that can be read
  std::string report_text{};                 ///< as it was written
  std::string output{}, errors{};
  std::optional<probe_result> clients{};  ///< of `stop_under_load`

  /// Of all loads together; 0 without.
  std::uint64_t answered() const, lost() const, late() const, refused_before_signal() const,
      refused_after_signal() const;
  /// Exit code 0, no request lost, none late, none refused before the signal, and it could be measured.
  bool nothing_lost() const;
};

/// For people, and for what a failed assertion says.
std::string to_text(const program_end&);

/// Starts it at once. Its report file is in a folder of our own (LASTCALL_REPORT). It is killed and reaped at the
/// latest by the destructor, by its pid; it gets no terminal. Threads: the one that made it, which has to live as long
/// (child_process.hpp).   Blocks: each wait has an end.
class program {
 public:
  /// `command[0]` is looked up in PATH.   Errors: std::system_error when it can't be started.
  explicit program(const std::vector<std::string>& command, program_options options = {});
  ~program();
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  /// Returns the line that said so.   Errors: std::runtime_error, with its stderr, when it ends before or takes too
  /// long.
  std::string wait_until_ready();
  /// The first http:// or unix: address in the line that said that it is ready, or `ready_at`.
  std::string url();

  /// A moment in its start: from now on this signal does not just kill it, since it has a handler. False if it has none
  /// by then. Source: proc(5), SigCgt.
  bool wait_until_it_catches(int signal, deadline by) const;
  bool catches(int signal) const;
  /// Lets so much time pass, or less if it ends before. Exact to some 100 µs, which takes a thread's time near the end.
  void let_run_for(duration time) const;

  /// False when it is gone.
  bool signal(int number);

  /// Signals it now, and waits for its end; kills it then.
  program_end stop(int number = SIGTERM, deadline by = deadline(std::chrono::seconds(30)));
  /// Waits for its end, whatever ends it; kills it then.
  program_end end(deadline by = deadline(std::chrono::seconds(30)));
  /// Waits until it is ready, loads it, signals it in the middle, waits until it and all clients have ended, and
  /// counts.
  program_end stop_under_load(load_and_stop how = {});

  child_process& process() noexcept;
  /// Where its report is to be.
  const std::string& report_file() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace lastcall::inline v0::testing
