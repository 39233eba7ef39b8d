// Threads in virtual time: exactly one runs, the others are parked. When none can run, the clock moves to the next
// event. So each run of a test is the same, and an hour takes no time.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "lastcall/core/function.hpp"
#include "lastcall/testing/virtual_clock.hpp"

namespace lastcall::inline v0::testing {

/// The thread that constructs it is *the test's*, and runs first. Another thread runs when the running one parks, waits
/// or ends. Order at one moment: threads that can run, then what was planned for it, then threads that wait for it. The
/// test's thread runs when all others have nothing more to do.
/// Threads: the one that runs; `here` any.
class virtual_threads {
 public:
  /// What ends the parking of a thread, besides the time.
  enum class until : unsigned char {
    time,      ///< nothing
    test,      ///< the test's thread has run, or something planned has
    anything,  ///< the same, or another thread has run, of those that do not wait for anything
  };
  /// How a wait of the test's thread ended.
  enum class waited : unsigned char {
    enough,  ///< the time has come, or the condition holds
    stuck,   ///< nothing can happen any more
    late,    ///< the running thread blocks in real time; this object must not be used any more
  };

  explicit virtual_threads(virtual_clock& time);
  /// Joins. Threads that have not ended are left behind, parked for ever.
  ~virtual_threads();
  virtual_threads& operator=(virtual_threads&&) = delete;

  /// Makes a thread for `f`, which must not throw. It does not run before the calling one parks or waits.
  void spawn(function<void()> f);
  /// Runs `f` at that moment (now, if it has passed), on the thread that is about to park then. What it throws is
  /// thrown in the test's thread.
  void plan(time_point when, function<void()> f);

  /// Lets the others run until `when` (empty: for ever) or until `ends` happens.
  void park(std::optional<time_point> when, until ends);
  /// For the test's thread: until `when`, or until `holds` returns true, which is asked before each thread runs; at
  /// most for `patience` of real time.
  waited wait(std::optional<time_point> when, const std::function<bool()>& holds, duration patience);

  /// The calling thread is the running one.
  bool here() const noexcept;
  /// Ends the parking of threads that are parked without a time, now and later, but for those with `until::anything`.
  void abandon();
  bool abandoned() const noexcept;

 private:
  struct shared;
  std::shared_ptr<shared> shared_;  // threads that are left behind hold it, too
};

}  // namespace lastcall::inline v0::testing
